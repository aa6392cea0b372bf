/** The values that a colour map spans: over a map, a layer, all steps, or what the reader set. */
import type { Domain } from './heatmap';
import type { Stack, TensorHeader } from './wire_format';

export const NORMALISATIONS = ['map', 'layer', 'steps', 'runs'] as const;
export type Normalisation = (typeof NORMALISATIONS)[number];

/** Gradients and weights have a sign that matters: 0 sits at the centre of the map. */
export function isSigned(kind: string): boolean {
  return kind.endsWith('_gradient') || kind === 'weight';
}

/** The least domain about zero that holds both ends. */
export function symmetric({ low, high }: Domain): Domain {
  const largest = Math.max(Math.abs(low), Math.abs(high));
  // 0 - x, for a plain 0 rather than -0.
  return { low: 0 - largest, high: largest };
}

/** What one map spans. */
export function mapDomain(stack: Stack, channel: number): Domain {
  return { low: stack.low[channel], high: stack.high[channel] };
}

/**
 * What the maps of a tensor span at one step: all channels and all samples, so that
 * samples compare. A plane without a finite value counts as 0, as it is stored.
 */
export function layerDomain(header: TensorHeader): Domain {
  return span(header.low, header.high);
}

/**
 * What a tensor spans over all steps, from the statistics of the whole tensor.
 *
 * Returns undefined where no step has a finite range.
 */
export function stepsDomain(
  minima: ArrayLike<number>,
  maxima: ArrayLike<number>,
): Domain | undefined {
  const domain = span(minima, maxima);
  return domain.low === 0 && domain.high === 0 && !anyFinite(minima) ? undefined : domain;
}

function span(lows: ArrayLike<number>, highs: ArrayLike<number>): Domain {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < lows.length; i++) {
    if (Number.isFinite(lows[i])) low = Math.min(low, lows[i]);
    if (Number.isFinite(highs[i])) high = Math.max(high, highs[i]);
  }
  return low <= high ? { low, high } : { low: 0, high: 0 };
}

function anyFinite(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (Number.isFinite(values[i])) return true;
  return false;
}

/** The least domain that holds all of these; undefined of none. */
export function union(domains: readonly Domain[]): Domain | undefined {
  if (domains.length === 0) return undefined;
  return span(
    domains.map(({ low }) => low),
    domains.map(({ high }) => high),
  );
}

/** The ends of the domain that the reader has set; null leaves one as it is. */
export interface DomainWindow {
  low: number | null;
  high: number | null;
}

/**
 * A domain with the ends that the reader has set. Where zero is at the centre, one end
 * mirrors the other, unless both are set.
 */
export function windowed(
  domain: Domain,
  { low, high }: DomainWindow,
  centred: boolean,
): Domain {
  if (low !== null && high !== null) return { low, high };
  const set = low ?? high;
  if (set === null) return domain;
  if (centred) return symmetric({ low: set, high: set });
  return {
    low: low ?? Math.min(domain.low, set),
    high: high ?? Math.max(domain.high, set),
  };
}

/** What of the legend is dragged: one of its handles, or what is between them. */
export type Grip = 'low' | 'high' | 'both';

/** The window is never narrower than this share of the legend. */
const LEAST_WIDTH = 1 / 128;

/**
 * The ends that dragging by some value sets, within the `track` that the legend spans. A
 * domain that is symmetric about a centred zero stays so.
 */
export function draggedEnds(
  from: Domain,
  track: Domain,
  grip: Grip,
  by: number,
  centred: boolean,
): Partial<DomainWindow> {
  const least = (track.high - track.low) * LEAST_WIDTH;
  const round = (value: number) => roundTo(value, track.high - track.low);
  if (centred && from.low === -from.high) {
    if (grip === 'both') return {};
    const reach = from.high + (grip === 'high' ? by : -by);
    return { low: null, high: round(clamp(reach, least, track.high)) };
  }
  if (grip === 'both') {
    const shift = clamp(by, track.low - from.low, track.high - from.high);
    return { low: round(from.low + shift), high: round(from.high + shift) };
  }
  return grip === 'low'
    ? { low: round(clamp(from.low + by, track.low, from.high - least)) }
    : { high: round(clamp(from.high + by, from.low + least, track.high)) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value));
}

/** To about a thousandth of a width, in decimal digits: a drag is no more exact. */
function roundTo(value: number, width: number): number {
  if (!(width > 0)) return value;
  const digits = Math.max(0, Math.min(100, 3 - Math.floor(Math.log10(width))));
  return Number(value.toFixed(digits));
}
