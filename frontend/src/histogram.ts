/**
 * Histograms to columns, shares and percentiles; all in plain numbers, no drawing.
 *
 * The bins are half octaves of |x|, so a column for each is a logarithmic axis with
 * both signs. Bins next to zero that hold next to nothing are folded into one column
 * a sign, which makes the axis a "symlog" whose linear part adapts to the data. On a
 * linear axis those are folded that are too narrow to be seen.
 */
import type { Histograms } from './api';
import { formatCount, formatOrdinal, formatShare, plural } from './format';
import type { Domain } from './heatmap';
import { finiteEnds, type ValueAxis } from './value_axis';
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

/** How far from zero bins are folded together on a linear axis, as a share of its length. */
const NARROW_SHARE = 0.01;

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

/** Each row of an answer by itself, with the steps that have it. */
export function rowsApart({ steps, rows, counts }: Histograms): Histograms[] {
  return rows.map((row, place) => {
    const own = new Float32Array(steps.length * HISTOGRAM_BINS);
    steps.forEach((_, i) => {
      const start = (i * rows.length + place) * HISTOGRAM_BINS;
      own.set(counts.subarray(start, start + HISTOGRAM_BINS), i * HISTOGRAM_BINS);
    });
    return recordedHistograms({ steps, rows: [row], counts: own });
  });
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

/**
 * The columns that show these totals: cropped to what occurs, folded beside zero.
 *
 * @param span the true extremes of all that is shown, where they are known: the columns
 *   reach as far, and the bins that have no bound of their own end there.
 */
export function columnsOf(
  sums: ArrayLike<number>,
  edges: readonly number[],
  axis: ValueAxis = 'symlog',
  span?: Domain,
): Columns {
  const special: Column[] = [];
  const add = (bin: number, kind: NonNullable<Column['special']>, value: number) => {
    if (sums[bin] > 0)
      special.push({ first: bin, last: bin, low: value, high: value, special: kind });
  };
  add(BIN_NEGATIVE_INF, 'negativeInf', Number.NEGATIVE_INFINITY);
  add(BIN_POSITIVE_INF, 'positiveInf', Number.POSITIVE_INFINITY);
  add(BIN_NAN, 'nan', Number.NaN);

  const [first, last] = outermostBins(sums, edges, axis, span);
  const fold =
    axis === 'symlog' ? emptyFold(sums, first, last) : narrowFold(edges, first, last);
  const finite: Column[] = [];
  const push = (from: number, to: number) => {
    if (from > to) return;
    // The edge below zero's bin is a negative zero; adding 0 makes it plain.
    const [low, high] = [edges[from - 1] + 0, edges[to] + 0];
    const below = span && span.low < high ? span.low : low;
    const above = span && span.high > low ? span.high : high;
    finite.push({
      first: from,
      last: to,
      low: Number.isFinite(low) ? low : below,
      high: Number.isFinite(high) ? high : above,
    });
  };
  for (let bin = first; bin <= Math.min(last, BIN_ZERO - fold - 1); bin++) push(bin, bin);
  push(Math.max(first, BIN_ZERO - fold), Math.min(last, BIN_ZERO - 1));
  if (first <= BIN_ZERO && last >= BIN_ZERO) push(BIN_ZERO, BIN_ZERO);
  push(Math.max(first, BIN_ZERO + 1), Math.min(last, BIN_ZERO + fold));
  for (let bin = Math.max(first, BIN_ZERO + fold + 1); bin <= last; bin++) push(bin, bin);
  return { finite, special };
}

/** First and last bin of an axis; one of half octaves always has zero on it. */
function outermostBins(
  sums: ArrayLike<number>,
  edges: readonly number[],
  axis: ValueAxis,
  span: Domain | undefined,
): [number, number] {
  const bins: number[] = axis === 'symlog' ? [BIN_ZERO] : [];
  for (let bin = BIN_NEGATIVE_BEYOND; bin <= BIN_POSITIVE_BEYOND; bin++) {
    if (sums[bin] > 0) bins.push(bin);
  }
  if (span) bins.push(binOf(span.low, edges), binOf(span.high, edges));
  return bins.length > 0 ? [Math.min(...bins), Math.max(...bins)] : [BIN_ZERO, BIN_ZERO];
}

/** The bin that counts a finite value. */
export function binOf(value: number, edges: readonly number[]): number {
  if (value === 0) return BIN_ZERO;
  const size = Math.abs(value);
  let distance = 1;
  while (BIN_ZERO + distance < BIN_POSITIVE_BEYOND && size >= edges[BIN_ZERO + distance])
    distance++;
  return value > 0 ? BIN_ZERO + distance : BIN_ZERO - distance;
}

/** How many bins either side of zero hold next to nothing, at least 1. */
function emptyFold(sums: ArrayLike<number>, first: number, last: number): number {
  let nonZero = 0;
  for (let bin = first; bin <= last; bin++) if (bin !== BIN_ZERO) nonZero += sums[bin];
  const reach = Math.max(BIN_ZERO - first, last - BIN_ZERO);
  let fold = 1;
  for (let folded = sums[BIN_ZERO - 1] + sums[BIN_ZERO + 1]; fold < reach - 1; fold++) {
    folded += sums[BIN_ZERO - fold - 1] + sums[BIN_ZERO + fold + 1];
    if (folded > FOLDED_SHARE * nonZero) break;
  }
  return fold;
}

/** How many bins either side of zero are too narrow for a linear axis, at least 1. */
function narrowFold(edges: readonly number[], first: number, last: number): number {
  const span =
    edges[Math.min(last, BIN_POSITIVE_BEYOND - 1)] - edges[Math.max(first, 2) - 1];
  let fold = 1;
  while (
    BIN_ZERO + fold + 1 < BIN_POSITIVE_BEYOND &&
    edges[BIN_ZERO + fold + 1] <= NARROW_SHARE * span
  )
    fold++;
  return fold;
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

/**
 * What is drawn of a step's shares: on a linear axis, where columns differ in width,
 * the share per unit of value. Zero's column and the special ones have no width and
 * keep their shares.
 */
export function heightsOf(
  shares: Float64Array,
  columns: Columns,
  axis: ValueAxis,
): Float64Array {
  if (axis === 'symlog') return shares;
  return shares.map((share, i) => {
    const column = columns.finite[i];
    if (!column || column.first === BIN_ZERO) return share;
    const { low, high } = finiteEnds(column);
    return share / (high - low);
  });
}

/** The greatest height of any column but zero's, which would flatten all others. */
export function peakHeight(all: readonly Float64Array[], columns: Columns): number {
  let peak = 0;
  for (const step of all) {
    columns.finite.forEach((column, i) => {
      if (column.first !== BIN_ZERO && step[i] > peak) peak = step[i];
    });
  }
  if (peak > 0) return peak;
  // Nothing but zeros.
  for (const step of all) for (const height of step) if (height > peak) peak = height;
  return peak || 1;
}

/**
 * The percentiles that are drawn, as shares: for a normal distribution the minimum,
 * µ − 1.5 σ, µ − σ, µ − σ/2, µ, …, the maximum.
 */
export const LEVELS = [0, 0.07, 0.16, 0.31, 0.5, 0.69, 0.84, 0.93, 1];
export const MEDIAN = 4;

/**
 * The values at LEVELS of one step, NaN where it counts no finite value.
 *
 * The values of a bin are taken to lie evenly between its edges: where b of n finite
 * values lie below a bin that counts k, the value at level p is p·n − b k-ths of the
 * way through it. The bin of zeros is 0 throughout. NaN and ±Inf are left out.
 *
 * @param low the true extremes of the step, NaN where unknown: no value lies outside,
 * @param high and they are the first and last level. Unknown, those are the outer edges
 *   of the outermost bins that count something; of a bin without one, its inner edge.
 */
export function percentiles(
  counts: ArrayLike<number>,
  step: number,
  edges: readonly number[],
  low = Number.NaN,
  high = Number.NaN,
): Float64Array {
  const values = new Float64Array(LEVELS.length).fill(Number.NaN);
  const start = step * HISTOGRAM_BINS;
  let [total, first, last] = [0, 0, 0];
  for (let bin = BIN_NEGATIVE_BEYOND; bin <= BIN_POSITIVE_BEYOND; bin++) {
    if (!(counts[start + bin] > 0)) continue;
    total += counts[start + bin];
    first ||= bin;
    last = bin;
  }
  if (total === 0) return values;
  const inside = (value: number) => {
    if (value < low) return low;
    return value > high ? high : value;
  };
  const lower = (bin: number) =>
    inside(bin === BIN_NEGATIVE_BEYOND && Number.isNaN(low) ? edges[bin] : edges[bin - 1]);
  const upper = (bin: number) =>
    inside(bin === BIN_POSITIVE_BEYOND && Number.isNaN(high) ? edges[bin - 1] : edges[bin]);
  values[0] = Number.isNaN(low) ? lower(first) : low;
  values[LEVELS.length - 1] = Number.isNaN(high) ? upper(last) : high;
  let [below, level] = [0, 1];
  for (let bin = first; bin <= last && level < LEVELS.length - 1; bin++) {
    const count = counts[start + bin];
    for (; level < LEVELS.length - 1 && LEVELS[level] * total <= below + count; level++) {
      const way = (LEVELS[level] * total - below) / count;
      // Adding 0 makes the negative zero below zero's bin plain.
      values[level] = lower(bin) + way * (upper(bin) - lower(bin)) + 0;
    }
    below += count;
  }
  return values;
}

/** The bins of a step that count anything: −Inf, then the number line, +Inf, NaN. */
export function nonEmptyBins(counts: ArrayLike<number>, step: number): number[] {
  const bins: number[] = [];
  for (let bin = 0; bin < HISTOGRAM_BINS; bin++) {
    if (counts[step * HISTOGRAM_BINS + bin] > 0) bins.push(bin);
  }
  return bins;
}

/** How many values of a step are NaN or ±Inf. */
export function specialCount(counts: ArrayLike<number>, step: number): number {
  const start = step * HISTOGRAM_BINS;
  return (
    counts[start + BIN_NEGATIVE_INF] +
    counts[start + BIN_POSITIVE_INF] +
    counts[start + BIN_NAN]
  );
}
