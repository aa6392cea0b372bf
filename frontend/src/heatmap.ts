/**
 * Codes, a domain and a colour map to pixels.
 *
 * Pixels, legend and hover read-out all go through `colorIndex`, so they can't differ.
 */
import { type Colormap, SPECIAL_PIXELS } from './colormaps';
import { codeToValue, type Stack } from './wire_format';

/** The values that a colour map spans. */
export interface Domain {
  low: number;
  high: number;
}

/**
 * Which of a map's 256 colours a finite value has: the nearest, the ends where it
 * lies outside. A domain without width gives the first colour to a sequential map
 * and the centre to a diverging one, so that a constant map looks calm.
 */
export function colorIndex(value: number, domain: Domain, map: Colormap): number {
  const last = map.pixels.length - 1;
  if (!(domain.high > domain.low)) return map.kind === 'diverging' ? (last + 1) >> 1 : 0;
  // Each halved, so that the width of a domain of the largest floats is finite.
  const place = (value / 2 - domain.low / 2) / (domain.high / 2 - domain.low / 2);
  return place <= 0 ? 0 : place >= 1 ? last : Math.round(place * last);
}

/** The pixel of any value, NaN and ±Inf included. */
export function valueToPixel(value: number, domain: Domain, map: Colormap): number {
  if (Number.isNaN(value)) return SPECIAL_PIXELS.nan;
  if (value === Number.POSITIVE_INFINITY) return SPECIAL_PIXELS.positiveInf;
  if (value === Number.NEGATIVE_INFINITY) return SPECIAL_PIXELS.negativeInf;
  return map.pixels[colorIndex(value, domain, map)];
}

/** The pixels of a channel, one for each value, [height, width]. */
export function channelPixels(
  stack: Stack,
  channel: number,
  domain: Domain,
  map: Colormap,
): Uint32Array {
  const size = stack.height * stack.width;
  const codes = stack.codes.subarray(channel * size, (channel + 1) * size);
  const pixels = new Uint32Array(size);
  if (codes instanceof Uint8Array) {
    const table = codePixels(stack.low[channel], stack.high[channel], domain, map);
    for (let i = 0; i < size; i++) pixels[i] = table[codes[i]];
  } else {
    for (let i = 0; i < size; i++) pixels[i] = valueToPixel(codes[i], domain, map);
  }
  return pixels;
}

/** The pixel of each of the 256 codes of a plane: 256 divisions, however large it is. */
export function codePixels(
  low: number,
  high: number,
  domain: Domain,
  map: Colormap,
): Uint32Array {
  const table = new Uint32Array(256);
  for (let code = 0; code < 256; code++) {
    table[code] = valueToPixel(codeToValue(code, low, high), domain, map);
  }
  return table;
}

/** The colours of a legend over a track, `count` of them, as pixels. */
export function legendPixels(
  domain: Domain,
  map: Colormap,
  count: number,
  track = domain,
): Uint32Array {
  const pixels = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const t = count > 1 ? i / (count - 1) : 0;
    // Without width, the legend still shows the map's range of colours.
    pixels[i] =
      domain.high > domain.low
        ? valueToPixel(track.low * (1 - t) + track.high * t, domain, map)
        : map.pixels[Math.round(t * (map.pixels.length - 1))];
  }
  return pixels;
}

/** Gray or RGB pixels of an input sample: what the model saw, for a thumbnail. */
export function inputPixels(stack: Stack): Uint32Array {
  const size = stack.height * stack.width;
  const pixels = new Uint32Array(size);
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < stack.channels; c++) {
    low = Math.min(low, stack.low[c]);
    high = Math.max(high, stack.high[c]);
  }
  // Levels are what they are; other values span the image's own range.
  if (stack.header.dtype === 'uint8') [low, high] = [0, 255];
  const rgb = stack.channels === 3 || stack.channels === 4;
  const value = (channel: number, i: number) => {
    const stored = stack.codes[channel * size + i];
    return stack.codes instanceof Uint8Array
      ? codeToValue(stored, stack.low[channel], stack.high[channel])
      : stored;
  };
  const byte = (v: number) => {
    const place = high > low ? (v - low) / (high - low) : 0;
    return Number.isFinite(v) ? Math.round(255 * Math.min(1, Math.max(0, place))) : 0;
  };
  for (let i = 0; i < size; i++) {
    let r: number;
    let g: number;
    let b: number;
    if (rgb) {
      [r, g, b] = [byte(value(0, i)), byte(value(1, i)), byte(value(2, i))];
    } else {
      let sum = 0;
      for (let c = 0; c < stack.channels; c++) sum += value(c, i);
      r = g = b = byte(sum / stack.channels);
    }
    pixels[i] = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
  }
  return pixels;
}

/** What the recorded values of one channel come to. */
export interface ChannelSummary {
  /** Over finite values; NaN where there are none. */
  mean: number;
  min: number;
  max: number;
  /** Values whose code stands for exactly 0, or lies within its error of it. */
  zeroFraction: number;
  nan: number;
  positiveInf: number;
  negativeInf: number;
  /** Every recorded value is 0. */
  dead: boolean;
  /** Every recorded value is the same finite number. */
  constant: boolean;
}

const summaries = new WeakMap<Stack, ChannelSummary[]>();

/** Summary of a channel, worked out once for each stack. */
export function summarize(stack: Stack, channel: number): ChannelSummary {
  let known = summaries.get(stack);
  if (!known) {
    known = [];
    summaries.set(stack, known);
  }
  known[channel] ??= summarizeChannel(stack, channel);
  return known[channel];
}

function summarizeChannel(stack: Stack, channel: number): ChannelSummary {
  const size = stack.height * stack.width;
  const start = channel * size;
  const [low, high] = [stack.low[channel], stack.high[channel]];
  const coded = stack.codes instanceof Uint8Array;
  // A table, so that a plane costs one look-up a value.
  const values = coded
    ? Float64Array.from({ length: 256 }, (_, code) => codeToValue(code, low, high))
    : undefined;
  const tolerance = coded ? (high - low) / 504 : 0;
  let [sum, finite, zeros, nan, positiveInf, negativeInf] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < size; i++) {
    const stored = stack.codes[start + i];
    const value = values ? values[stored] : stored;
    if (Number.isFinite(value)) {
      sum += value;
      finite++;
      if (Math.abs(value) <= tolerance) zeros++;
    } else if (Number.isNaN(value)) nan++;
    else if (value > 0) positiveInf++;
    else negativeInf++;
  }
  const whole = finite === size && size > 0;
  return {
    mean: finite ? sum / finite : Number.NaN,
    min: finite ? low : Number.NaN,
    max: finite ? high : Number.NaN,
    zeroFraction: size ? zeros / size : Number.NaN,
    nan,
    positiveInf,
    negativeInf,
    dead: whole && low === 0 && high === 0,
    constant: whole && low === high,
  };
}

export interface SpecialCounts {
  nan: number;
  positiveInf: number;
  negativeInf: number;
  /** Finite values outside the domain. */
  clipped: number;
}

/** How many values of a stack the legend must explain beside its gradient. */
export function countSpecial(stack: Stack, domain: Domain | undefined): SpecialCounts {
  const counts: SpecialCounts = { nan: 0, positiveInf: 0, negativeInf: 0, clipped: 0 };
  const size = stack.height * stack.width;
  for (let channel = 0; channel < stack.channels; channel++) {
    const summary = summarize(stack, channel);
    counts.nan += summary.nan;
    counts.positiveInf += summary.positiveInf;
    counts.negativeInf += summary.negativeInf;
    if (!domain || !(summary.min < domain.low || summary.max > domain.high)) continue;
    const tolerance = 1e-6 * (domain.high - domain.low);
    const [least, most] = [domain.low - tolerance, domain.high + tolerance];
    const isClipped = (value: number) =>
      Number.isFinite(value) && (value < least || value > most);
    const codes = stack.codes.subarray(channel * size, (channel + 1) * size);
    if (codes instanceof Uint8Array) {
      const [low, high] = [stack.low[channel], stack.high[channel]];
      // A table, so that a plane costs one look-up a value while the domain is dragged.
      const clipped = Uint8Array.from({ length: 256 }, (_, code) =>
        isClipped(codeToValue(code, low, high)) ? 1 : 0,
      );
      for (let i = 0; i < size; i++) counts.clipped += clipped[codes[i]];
    } else for (let i = 0; i < size; i++) counts.clipped += isClipped(codes[i]) ? 1 : 0;
  }
  return counts;
}
