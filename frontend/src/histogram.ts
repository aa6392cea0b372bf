/**
 * Histograms to columns, places and shares; all in plain numbers, no drawing.
 *
 * The bins are half octaves of |x|, so a column for each is a logarithmic axis with
 * both signs. Bins next to zero that hold next to nothing are folded into one column
 * a sign, which makes the axis a "symlog" whose linear part adapts to the data.
 */
import type { Histograms } from './api';
import { formatCount, formatOrdinal, formatShare, plural, superscript } from './format';
import {
  BIN_NAN,
  BIN_NEGATIVE_BEYOND,
  BIN_NEGATIVE_INF,
  BIN_POSITIVE_BEYOND,
  BIN_POSITIVE_INF,
  BIN_ZERO,
  HISTOGRAM_BINS,
} from './wire_format';

/** Bins `first` to `last`, shown as one. */
export interface Column {
  first: number;
  last: number;
  /** The values that it counts lie between these. */
  low: number;
  high: number;
  special?: 'nan' | 'positiveInf' | 'negativeInf';
}

export interface Columns {
  /** Finite values in the order of the number line; always contiguous. */
  finite: Column[];
  /** −Inf, +Inf and NaN, those that occur. */
  special: Column[];
}

/** The share of the finite non-zero values that may be folded into the columns beside zero. */
const FOLDED_SHARE = 0.004;

/** The steps that have the histogram of the one row asked for. */
export function recordedHistograms({ steps, rows, counts }: Histograms): Histograms {
  const start = (i: number) => i * HISTOGRAM_BINS;
  const kept = [...steps.keys()].filter((i) => !Number.isNaN(counts[start(i)]));
  const packed = new Float32Array(kept.length * HISTOGRAM_BINS);
  kept.forEach((i, place) => {
    packed.set(counts.subarray(start(i), start(i + 1)), start(place));
  });
  return { steps: kept.map((i) => steps[i]), rows, counts: packed };
}

/**
 * How much of a tensor its histograms count.
 *
 * @param stride of which n every n-th value is counted; 0 where n differs from step to
 *   step.
 * @param here what is known of one step: the values there are, and those counted.
 */
export function countedText(
  shape: readonly number[],
  stride: number,
  here?: { count: number; counted: number },
): string {
  if (stride === 0) {
    if (!here || !(here.count > 0)) return 'how many are counted differs from step to step';
    const { count, counted } = here;
    return counted >= count
      ? `all ${plural(count, 'value')} counted at this step`
      : `${formatCount(counted)} of ${formatCount(count)} values counted at this step (${formatShare(counted / count)})`;
  }
  const open = shape.some((size) => size < 0);
  const count = shape.reduce((product, size) => product * size, 1);
  if (stride > 1) {
    return `every ${formatOrdinal(stride)} of ${open ? 'the' : formatCount(count)} values counted`;
  }
  return open ? 'all values counted' : `all ${plural(count, 'value')} counted`;
}

/** Counts of each bin over all steps; `counts` is [step, bin]. */
export function totals(counts: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(HISTOGRAM_BINS);
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] > 0) sums[i % HISTOGRAM_BINS] += counts[i];
  }
  return sums;
}

/** The columns that show these totals: cropped to what occurs, folded beside zero. */
export function columnsOf(sums: ArrayLike<number>, edges: readonly number[]): Columns {
  const special: Column[] = [];
  const add = (bin: number, kind: NonNullable<Column['special']>, value: number) => {
    if (sums[bin] > 0)
      special.push({ first: bin, last: bin, low: value, high: value, special: kind });
  };
  add(BIN_NEGATIVE_INF, 'negativeInf', Number.NEGATIVE_INFINITY);
  add(BIN_POSITIVE_INF, 'positiveInf', Number.POSITIVE_INFINITY);
  add(BIN_NAN, 'nan', Number.NaN);

  let first = BIN_ZERO;
  let last = BIN_ZERO;
  let nonZero = 0;
  for (let bin = BIN_NEGATIVE_BEYOND; bin <= BIN_POSITIVE_BEYOND; bin++) {
    if (!(sums[bin] > 0)) continue;
    first = Math.min(first, bin);
    last = Math.max(last, bin);
    if (bin !== BIN_ZERO) nonZero += sums[bin];
  }
  // Bins at a distance of up to `fold` from zero are folded together.
  const reach = Math.max(BIN_ZERO - first, last - BIN_ZERO);
  let fold = 1;
  for (let folded = sums[BIN_ZERO - 1] + sums[BIN_ZERO + 1]; fold < reach - 1; fold++) {
    folded += sums[BIN_ZERO - fold - 1] + sums[BIN_ZERO + fold + 1];
    if (folded > FOLDED_SHARE * nonZero) break;
  }
  const finite: Column[] = [];
  const push = (from: number, to: number) => {
    // The edge below zero's bin is a negative zero; adding 0 makes it plain.
    finite.push({ first: from, last: to, low: edges[from - 1] + 0, high: edges[to] + 0 });
  };
  for (let bin = first; bin < BIN_ZERO - fold; bin++) push(bin, bin);
  if (first < BIN_ZERO) push(Math.max(first, BIN_ZERO - fold), BIN_ZERO - 1);
  push(BIN_ZERO, BIN_ZERO);
  if (last > BIN_ZERO) push(BIN_ZERO + 1, Math.min(last, BIN_ZERO + fold));
  for (let bin = BIN_ZERO + fold + 1; bin <= last; bin++) push(bin, bin);
  return { finite, special };
}

/** How many values of a step a column counts; `start` is where the step's bins begin. */
export function countIn(counts: ArrayLike<number>, start: number, column: Column): number {
  let sum = 0;
  for (let bin = column.first; bin <= column.last; bin++) sum += counts[start + bin];
  return sum;
}

/** Shares of a step's values in each column, finite then special; NaN where it counts none. */
export function shares(
  counts: ArrayLike<number>,
  step: number,
  columns: Columns,
): Float64Array {
  const start = step * HISTOGRAM_BINS;
  let all = 0;
  for (let bin = 0; bin < HISTOGRAM_BINS; bin++) all += counts[start + bin];
  return Float64Array.from([...columns.finite, ...columns.special], (column) =>
    all > 0 ? countIn(counts, start, column) / all : Number.NaN,
  );
}

/** The greatest share of any column but zero's, which would flatten all others. */
export function peakShare(all: readonly Float64Array[], columns: Columns): number {
  let peak = 0;
  for (const step of all) {
    columns.finite.forEach((column, i) => {
      if (column.first !== BIN_ZERO && step[i] > peak) peak = step[i];
    });
  }
  if (peak > 0) return peak;
  // Nothing but zeros.
  for (const step of all) for (const share of step) if (share > peak) peak = share;
  return peak || 1;
}

export interface Tick {
  /** In columns from the left; 2.5 is the middle of the third. */
  place: number;
  label: string;
}

/** Where a value lies, in columns from the left; undefined where folded or outside. */
export function placeOf(value: number, columns: readonly Column[]): number | undefined {
  for (let i = 0; i < columns.length; i++) {
    const { first, last, low, high } = columns[i];
    if (value === 0) {
      if (first === BIN_ZERO) return i + 0.5;
      continue;
    }
    if (value < low || value > high || low === high) continue;
    // Inside a folded or unbounded column a place would be a guess, but for its edge.
    if (first !== last || low * high === 0 || !Number.isFinite(low * high)) {
      if (value === low) return i;
      if (value === high) return i + 1;
      continue;
    }
    return i + Math.log(value / low) / Math.log(high / low);
  }
  return undefined;
}

/** Zero and powers of ten that lie on the columns, at least `spacing` columns apart. */
export function ticks(columns: readonly Column[], spacing: number): Tick[] {
  const found: Tick[] = [];
  const zero = placeOf(0, columns);
  if (zero !== undefined) found.push({ place: zero, label: '0' });
  for (const sign of [1, -1]) {
    for (let exponent = 5; exponent >= -8; exponent--) {
      const place = placeOf(sign * 10 ** exponent, columns);
      if (place === undefined) continue;
      if (found.every((tick) => Math.abs(tick.place - place) >= spacing)) {
        found.push({ place, label: powerLabel(sign, exponent) });
      }
    }
  }
  return found.sort((a, b) => a.place - b.place);
}

function powerLabel(sign: number, exponent: number): string {
  const size = exponent === 0 ? '1' : exponent === 1 ? '10' : `10${superscript(exponent)}`;
  return sign < 0 ? `−${size}` : size;
}
