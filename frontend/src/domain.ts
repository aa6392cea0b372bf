/** The values that a colour map spans: over a map, a layer, or all steps. */
import type { Domain } from './heatmap';
import type { Stack, TensorHeader } from './wire_format';

export const NORMALISATIONS = ['map', 'layer', 'steps'] as const;
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
