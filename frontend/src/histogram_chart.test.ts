import { expect, it } from 'vitest';
import golden from '../fixtures/golden.json';
import { MEDIAN } from './histogram';
import { chartOf, indexAtOrBefore, type RunRow } from './histogram_chart';
import { BIN_NAN, BIN_ZERO, HISTOGRAM_BINS, jsonNumber } from './wire_format';

const edges = golden.histogram.edges.map(jsonNumber);
/** The bin of 1 … √2. */
const ONE = BIN_ZERO + 50;

function rowOf(run: string, bin: number, low = Number.NaN, high = Number.NaN): RunRow {
  const counts = new Float32Array(HISTOGRAM_BINS);
  counts[bin] = 4;
  return {
    run,
    index: 0,
    row: 0,
    histograms: { steps: [0], rows: [0], counts },
    places: [0],
    lows: Float64Array.of(low),
    highs: Float64Array.of(high),
  };
}

it('has room for what any run shows, on the same columns', () => {
  const { columns, runs, columnEdges } = chartOf(
    [rowOf('a', ONE), rowOf('b', ONE + 2)],
    edges,
    'symlog',
    false,
  );
  expect(columns.finite[columns.finite.length - 1].first).toBe(ONE + 2);
  expect(columnEdges.length).toBe(columns.finite.length + 1);
  expect([columnEdges[0], columnEdges[columns.finite.length]]).toEqual([0, 1]);
  for (const { shares } of runs) {
    expect(shares[0].length).toBe(columns.finite.length);
    expect(Math.max(...shares[0])).toBe(1);
  }
});

it('ends a linear axis of columns with the bins, one of percentiles with the values', () => {
  const row = rowOf('a', ONE, 1.1, 1.3);
  const bins = chartOf([row], edges, 'linear', false);
  expect([bins.scale.low, bins.scale.high]).toEqual([1, expect.closeTo(Math.SQRT2, 6)]);
  expect(bins.peak).toBeCloseTo(1 / (Math.SQRT2 - 1), 5);
  const { scale, runs } = chartOf([row], edges, 'linear', true);
  expect([scale.low, scale.high]).toEqual([1.1, 1.3]);
  expect(runs[0].percentiles[0][MEDIAN]).toBeCloseTo(1.2, 10);
});

it('draws a tensor of NaN alone', () => {
  for (const axis of ['symlog', 'linear'] as const) {
    const { columns, scale, runs } = chartOf([rowOf('a', BIN_NAN)], edges, axis, true);
    expect(columns.finite.length).toBe(1);
    expect(runs[0].percentiles[0].every(Number.isNaN)).toBe(true);
    expect(Number.isFinite(scale.place(0))).toBe(true);
  }
});

it('finds the record at a place or before, and none where all are after', () => {
  expect(indexAtOrBefore([10, 20, 30], 25)).toBe(1);
  expect(indexAtOrBefore([10, 20, 30], 20)).toBe(1);
  expect(indexAtOrBefore([10, 20, 30], 99)).toBe(2);
  expect(indexAtOrBefore([10, 20, 30], 5)).toBe(-1);
  expect(indexAtOrBefore([], 5)).toBe(-1);
});
