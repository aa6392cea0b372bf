import { expect, it } from 'vitest';
import golden from '../fixtures/golden.json';
import {
  binOf,
  columnsOf,
  countedText,
  countIn,
  heightsOf,
  LEVELS,
  MEDIAN,
  nonEmptyBins,
  peakHeight,
  percentiles,
  recordedHistograms,
  rowsApart,
  shares,
  specialCount,
  totals,
} from './histogram';
import {
  BIN_NAN,
  BIN_NEGATIVE_BEYOND,
  BIN_POSITIVE_BEYOND,
  BIN_POSITIVE_INF,
  BIN_ZERO,
  HISTOGRAM_BINS,
  jsonNumber,
} from './wire_format';

const edges = golden.histogram.edges.map(jsonNumber);
/** The bin of 2^k … 2^k·√2, of either sign. */
const octave = (k: number, sign = 1) => BIN_ZERO + sign * (2 + 2 * (k + 24));

function counts(entries: [number, number][]): Float32Array {
  const bins = new Float32Array(HISTOGRAM_BINS);
  for (const [bin, count] of entries) bins[bin] = count;
  return bins;
}

it('knows the edges of a bin', () => {
  const { finite } = columnsOf(counts([[octave(0), 5]]), edges);
  const last = finite[finite.length - 1];
  expect([last.low, last.high]).toEqual([1, edges[octave(0)]]);
  expect(last.high).toBeCloseTo(Math.SQRT2, 6);
});

it('crops to what occurs and folds what is nearly empty beside zero', () => {
  const sums = counts([
    [BIN_ZERO, 10],
    [octave(-20), 1],
    [octave(0), 500],
    [octave(1), 499],
  ]);
  const { finite, special } = columnsOf(sums, edges);
  expect(special).toEqual([]);
  expect(finite[0]).toMatchObject({ first: BIN_ZERO, last: BIN_ZERO });
  // One folded column from zero to 1, then 2^0, its other half octave, and 2^1.
  expect(finite.slice(1).map(({ first, last }) => [first, last])).toEqual([
    [BIN_ZERO + 1, octave(0) - 1],
    [octave(0), octave(0)],
    [octave(0) + 1, octave(0) + 1],
    [octave(1), octave(1)],
  ]);
  expect(countIn(sums, 0, finite[1])).toBe(1);
});

it('covers every finite bin that occurs exactly once', () => {
  const sums = new Float32Array(HISTOGRAM_BINS).fill(1);
  const { finite, special } = columnsOf(sums, edges);
  const covered = [...finite, ...special].flatMap(({ first, last }) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i),
  );
  expect(covered.sort((a, b) => a - b)).toEqual(
    Array.from({ length: HISTOGRAM_BINS }, (_, i) => i),
  );
});

it('keeps NaN and ±Inf apart, and only those that occur', () => {
  const { special } = columnsOf(counts([[BIN_NAN, 3]]), edges);
  expect(special.map((column) => column.special)).toEqual(['nan']);
});

it('shows a lone column of zeros where nothing else occurs', () => {
  for (const sums of [counts([]), counts([[BIN_ZERO, 4]])]) {
    expect(columnsOf(sums, edges).finite).toEqual([
      { first: BIN_ZERO, last: BIN_ZERO, low: 0, high: 0 },
    ]);
  }
});

it('adds steps, and gives each step its shares', () => {
  const two = new Float32Array(2 * HISTOGRAM_BINS);
  two.set(
    counts([
      [BIN_ZERO, 3],
      [octave(0), 1],
    ]),
    0,
  );
  const columns = columnsOf(totals(two), edges);
  const first = shares(two, 0, columns);
  expect(first[0]).toBe(0.75);
  expect(first[first.length - 1]).toBe(0.25);
  expect(shares(two, 1, columns).every(Number.isNaN)).toBe(true);
  // Zero's column does not set the scale.
  expect(peakHeight([first], columns)).toBe(0.25);
});

it('knows the bin of a value', () => {
  for (const [value, bin] of [
    [0, BIN_ZERO],
    [1, octave(0)],
    [1.41, octave(0)],
    [1.42, octave(0) + 1],
    [-1, octave(0, -1)],
    [2 ** -30, BIN_ZERO + 1],
    [-1e9, BIN_NEGATIVE_BEYOND],
    [65536, BIN_POSITIVE_BEYOND],
  ]) {
    expect(binOf(value, edges)).toBe(bin);
  }
});

it('reaches as far as the true extremes, which bound what lies beyond the bins', () => {
  const sums = counts([
    [octave(0), 1],
    [BIN_POSITIVE_BEYOND, 1],
  ]);
  const { finite } = columnsOf(sums, edges, 'symlog', { low: -1.5, high: 1e6 });
  expect(finite[0].first).toBe(octave(0, -1) - 1);
  expect(finite[finite.length - 1]).toMatchObject({ low: 65536, high: 1e6 });
  // Extremes that are known of other steps alone.
  const unknown = columnsOf(sums, edges, 'linear', { low: 0, high: 9 }).finite;
  expect(unknown[unknown.length - 1].high).toBe(Number.POSITIVE_INFINITY);
});

it('folds what a linear axis is too long to show, and has no zero where none is', () => {
  const far = counts([
    [BIN_ZERO, 1],
    [octave(-20), 1],
    [octave(0), 1],
  ]);
  // The axis ends at √2; 2^-6.5 is below a hundredth of that, 2^-6 is not.
  expect(
    columnsOf(far, edges, 'linear')
      .finite.slice(0, 3)
      .map(({ low, high }) => [low, high]),
  ).toEqual([
    [0, 0],
    [0, expect.closeTo(2 ** -6.5, 6)],
    [expect.closeTo(2 ** -6.5, 6), 2 ** -6],
  ]);
  const alone = columnsOf(counts([[octave(0), 4]]), edges, 'linear');
  expect(alone.finite.map(({ first }) => first)).toEqual([octave(0)]);
  const below = columnsOf(counts([[octave(0, -1), 4]]), edges, 'linear');
  expect(below.finite.map(({ first }) => first)).toEqual([octave(0, -1)]);
});

it('draws shares per unit on a linear axis, but those of zeros and NaN as they are', () => {
  const sums = counts([
    [BIN_ZERO, 2],
    [octave(0), 1],
    [octave(1), 1],
    [BIN_NAN, 4],
  ]);
  const columns = columnsOf(sums, edges, 'linear');
  const part = shares(sums, 0, columns);
  expect(heightsOf(part, columns, 'symlog')).toBe(part);
  const heights = heightsOf(part, columns, 'linear');
  const at = (bin: number) => columns.finite.findIndex(({ first }) => first === bin);
  expect(heights[at(BIN_ZERO)]).toBe(0.25);
  expect(heights[at(octave(0))]).toBeCloseTo(0.125 / (Math.SQRT2 - 1), 5);
  expect(heights[at(octave(1))]).toBeCloseTo(0.125 / (2 * Math.SQRT2 - 2), 5);
  expect(heights[heights.length - 1]).toBe(0.5);
});

it('finds percentiles in the bins, evenly spread inside each', () => {
  // Ten values: 2 zeros, 4 of 1 … √2, 4 of √2 … 2, and others that are no numbers.
  const bins = counts([
    [BIN_ZERO, 2],
    [octave(0), 4],
    [octave(0) + 1, 4],
    [BIN_NAN, 7],
    [BIN_POSITIVE_INF, 1],
  ]);
  const root = Math.SQRT2;
  const expected = [
    0,
    0, // 0.7 of 2 zeros
    0, // 1.6 of 2 zeros
    1 + (1.1 / 4) * (root - 1), // 3.1 of 10 is 1.1 of 4 in the first bin
    1 + (3 / 4) * (root - 1),
    root + (0.9 / 4) * (2 - root),
    root + (2.4 / 4) * (2 - root),
    root + (3.3 / 4) * (2 - root),
    2,
  ];
  percentiles(bins, 0, edges).forEach((value, level) => {
    expect(value).toBeCloseTo(expected[level], 5);
  });
  expect(specialCount(bins, 0)).toBe(8);
  expect(nonEmptyBins(bins, 0)).toEqual([
    BIN_ZERO,
    octave(0),
    octave(0) + 1,
    BIN_POSITIVE_INF,
    BIN_NAN,
  ]);
});

it('holds percentiles between the true extremes, and takes those for the ends', () => {
  const bins = counts([[octave(0, -1), 8]]);
  const found = percentiles(bins, 0, edges, -1.25, -1);
  expect(found[0]).toBe(-1.25);
  expect(found[MEDIAN]).toBeCloseTo(-1.125, 6);
  expect(found[LEVELS.length - 1]).toBe(-1);
});

it('knows no percentiles of no numbers, and only a bound of those beyond the bins', () => {
  expect(percentiles(counts([[BIN_NAN, 3]]), 0, edges).every(Number.isNaN)).toBe(true);
  const beyond = counts([[BIN_POSITIVE_BEYOND, 3]]);
  expect([...new Set(percentiles(beyond, 0, edges))]).toEqual([65536]);
  expect(percentiles(beyond, 0, edges, 70000, 90000)[MEDIAN]).toBe(80000);
});

it('takes the rows of an answer apart, each with the steps that have it', () => {
  const none = new Float32Array(HISTOGRAM_BINS).fill(Number.NaN);
  const [one, two, three] = [1, 2, 3].map((count) => counts([[BIN_ZERO, count]]));
  const [first, second] = rowsApart({
    steps: [0, 10],
    rows: [4, 9],
    counts: Float32Array.from([...one, ...none, ...two, ...three]),
  });
  expect(first).toEqual({
    steps: [0, 10],
    rows: [4],
    counts: Float32Array.from([...one, ...two]),
  });
  expect(second).toEqual({ steps: [10], rows: [9], counts: three });
});

it('leaves out the steps whose row was not recorded, but no empty histogram', () => {
  const absent = new Float32Array(HISTOGRAM_BINS).fill(Number.NaN);
  const five = counts([[BIN_ZERO, 5]]);
  const all = [absent, five, absent, counts([]), absent];
  const found = recordedHistograms({
    steps: [0, 10, 20, 30, 40],
    rows: [3],
    counts: Float32Array.from(all.flatMap((step) => [...step])),
  });
  expect(found.steps).toEqual([10, 30]);
  expect(found.counts).toEqual(Float32Array.from([...five, ...counts([])]));
  const none = recordedHistograms({ steps: [0], rows: [3], counts: absent });
  expect(none).toEqual({ steps: [], rows: [3], counts: new Float32Array() });
});

it('says how much of a tensor is counted', () => {
  expect(countedText([2, 5], 1)).toBe('all 10 values counted');
  expect(countedText([200, 50], 3)).toBe('every 3rd of 10,000 values counted');
  // A batch of any size.
  expect(countedText([-1, 5], 1)).toBe('all values counted');
  expect(countedText([-1, 5], 3)).toBe('every 3rd of the values counted');
});

it('works out what is counted where that differs from step to step', () => {
  expect(countedText([-1, 5], 0, { count: 1000, counted: 250 })).toBe(
    '250 of 1,000 values counted at this step (25 %)',
  );
  expect(countedText([-1, 5], 0, { count: 10, counted: 10 })).toBe(
    'all 10 values counted at this step',
  );
  for (const here of [undefined, { count: Number.NaN, counted: 4 }]) {
    expect(countedText([-1, 5], 0, here)).toMatch(/differs from step to step/);
  }
});
