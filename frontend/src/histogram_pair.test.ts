import { expect, it } from 'vitest';
import golden from '../fixtures/golden.json';
import { chartOf, heightDifferences, type RunRow } from './histogram_chart';
import {
  byDistance,
  differencesCsv,
  distancesCsv,
  formatPoints,
  jensenShannon,
} from './histogram_pair';
import { BIN_NAN, BIN_ZERO, HISTOGRAM_BINS, jsonNumber } from './wire_format';

const edges = golden.histogram.edges.map(jsonNumber);
/** The bin of 1 … √2. */
const ONE = BIN_ZERO + 50;

function countsOf(bins: Record<number, number>): Float32Array {
  const counts = new Float32Array(HISTOGRAM_BINS);
  for (const [bin, count] of Object.entries(bins)) counts[Number(bin)] = count;
  return counts;
}

function rowOf(run: string, counts: Float32Array): RunRow {
  return {
    run,
    index: 0,
    row: 0,
    histograms: { steps: [0], rows: [0], counts },
    places: [0],
    lows: Float64Array.of(Number.NaN),
    highs: Float64Array.of(Number.NaN),
  };
}

it('is 0 of equal shares, however many values there are, and 1 without a common bin', () => {
  const few = countsOf({ [BIN_ZERO]: 1, [ONE]: 3 });
  const many = countsOf({ [BIN_ZERO]: 100, [ONE]: 300 });
  expect(jensenShannon(few, many)).toBeCloseTo(0, 7);
  expect(jensenShannon(few, countsOf({ [BIN_NAN]: 5 }))).toBe(1);
});

it('is the root of the mean divergence in bits, the same both ways', () => {
  // p = (1, 0), q = (½, ½), m = (¾, ¼): ½·log₂(4/3) + ½·(½·log₂(2/3) + ½·log₂ 2).
  const a = countsOf({ [ONE]: 4 });
  const b = countsOf({ [ONE]: 2, [BIN_ZERO]: 2 });
  const bits = Math.log2(4 / 3) / 2 + (Math.log2(2 / 3) / 2 + 1 / 2) / 2;
  expect(jensenShannon(a, b)).toBeCloseTo(Math.sqrt(bits), 10);
  expect(jensenShannon(b, a)).toBeCloseTo(Math.sqrt(bits), 10);
});

it('has no distance to what counts nothing, which is not ranked', () => {
  const distance = jensenShannon(countsOf({}), countsOf({ [ONE]: 1 }));
  expect(distance).toBeNaN();
  const pairs = [0.1, distance, 0.7, 0.1].map((distance, i) => ({ i, distance }));
  expect(byDistance(pairs).map(({ i }) => i)).toEqual([2, 0, 3]);
});

it('differs by shares that add up to nothing on a logarithmic axis', () => {
  const [a, b] = [countsOf({ [BIN_ZERO]: 1, [ONE]: 3 }), countsOf({ [BIN_ZERO]: 2 })];
  const chart = chartOf([rowOf('a', a), rowOf('b', b)], edges, 'symlog', false);
  const { values, reach, peak } = heightDifferences(chart);
  expect(values.reduce((all, value) => all + value, 0)).toBeCloseTo(0, 10);
  expect(peak).toBeCloseTo(0.75, 10);
  expect(reach(0)).toBe(peak);
});

it('gives zeros a scale of their own on a linear axis', () => {
  const [a, b] = [countsOf({ [BIN_ZERO]: 1, [ONE]: 3 }), countsOf({ [BIN_ZERO]: 2 })];
  const chart = chartOf([rowOf('a', a), rowOf('b', b)], edges, 'linear', false);
  const { values, reach, peak } = heightDifferences(chart);
  const zero = chart.columns.finite.findIndex(({ first }) => first === BIN_ZERO);
  expect([values[zero], reach(zero)]).toEqual([-0.75, 1]);
  expect(peak).toBeCloseTo(0.75 / (Math.SQRT2 - 1), 4);
});

it('writes bins that either counts, with the ends that the server writes', () => {
  const a = countsOf({ [BIN_ZERO]: 1, [ONE]: 1 });
  const pair = {
    path: 'a,b',
    a,
    b: countsOf({ [BIN_ZERO]: 2, [BIN_NAN]: 2 }),
    distance: 1,
  };
  expect(differencesCsv([pair], edges).split('\n').slice(1)).toEqual([
    `"a,b",${BIN_ZERO},0,0,1,2,0.5,0.5,0`,
    `"a,b",${ONE},1,${edges[ONE]},1,0,0.5,0,0.5`,
    `"a,b",${BIN_NAN},nan,nan,0,2,0,0.5,-0.5`,
    '',
  ]);
  expect(distancesCsv([pair])).toBe('path,jensen_shannon_distance\n"a,b",1\n');
});

it('writes a difference of shares with its sign', () => {
  expect([0.0123, -0.5, 0].map(formatPoints)).toEqual(['+1.2 pp', '−50 pp', '0 pp']);
});
