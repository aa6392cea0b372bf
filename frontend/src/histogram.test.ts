import { expect, it } from 'vitest';
import golden from '../fixtures/golden.json';
import {
  columnsOf,
  countedText,
  countIn,
  peakShare,
  placeOf,
  recordedHistograms,
  shares,
  ticks,
  totals,
} from './histogram';
import { BIN_NAN, BIN_ZERO, HISTOGRAM_BINS, jsonNumber } from './wire_format';

const edges = golden.histogram.edges.map(jsonNumber);
/** The bin of 2^k … 2^k·√2, of either sign. */
const binOf = (k: number, sign = 1) => BIN_ZERO + sign * (2 + 2 * (k + 24));

function counts(entries: [number, number][]): Float32Array {
  const bins = new Float32Array(HISTOGRAM_BINS);
  for (const [bin, count] of entries) bins[bin] = count;
  return bins;
}

it('knows the edges of a bin', () => {
  const { finite } = columnsOf(counts([[binOf(0), 5]]), edges);
  const last = finite[finite.length - 1];
  expect([last.low, last.high]).toEqual([1, edges[binOf(0)]]);
  expect(last.high).toBeCloseTo(Math.SQRT2, 6);
});

it('crops to what occurs and folds what is nearly empty beside zero', () => {
  const sums = counts([
    [BIN_ZERO, 10],
    [binOf(-20), 1],
    [binOf(0), 500],
    [binOf(1), 499],
  ]);
  const { finite, special } = columnsOf(sums, edges);
  expect(special).toEqual([]);
  expect(finite[0]).toMatchObject({ first: BIN_ZERO, last: BIN_ZERO });
  // One folded column from zero to 1, then 2^0, its other half octave, and 2^1.
  expect(finite.slice(1).map(({ first, last }) => [first, last])).toEqual([
    [BIN_ZERO + 1, binOf(0) - 1],
    [binOf(0), binOf(0)],
    [binOf(0) + 1, binOf(0) + 1],
    [binOf(1), binOf(1)],
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
      [binOf(0), 1],
    ]),
    0,
  );
  const columns = columnsOf(totals(two), edges);
  const first = shares(two, 0, columns);
  expect(first[0]).toBe(0.75);
  expect(first[first.length - 1]).toBe(0.25);
  expect(shares(two, 1, columns).every(Number.isNaN)).toBe(true);
  // Zero's column does not set the scale.
  expect(peakShare([first], columns)).toBe(0.25);
});

it('places values on the columns, logarithmically within one', () => {
  const { finite } = columnsOf(
    counts([
      [binOf(0), 1],
      [binOf(0, -1), 1],
    ]),
    edges,
  );
  const middle = (finite.length - 1) / 2;
  expect(placeOf(0, finite)).toBe(middle + 0.5);
  expect(placeOf(1, finite)).toBe(finite.length - 1);
  expect(placeOf(2 ** 0.25, finite)).toBeCloseTo(finite.length - 0.5, 5);
  expect(placeOf(-1, finite)).toBe(1);
  expect(placeOf(3, finite)).toBeUndefined();
});

it('labels zero and powers of ten that have room', () => {
  const sums = new Float32Array(HISTOGRAM_BINS);
  for (let bin = binOf(-8); bin <= binOf(4); bin++) sums[bin] = 1;
  const { finite } = columnsOf(sums, edges);
  expect(ticks(finite, 1).map(({ label }) => label)).toEqual([
    '0',
    '10⁻²',
    '10⁻¹',
    '1',
    '10',
  ]);
  expect(ticks(finite, 9).length).toBeLessThan(5);
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
