import { expect, it } from 'vitest';
import type { ModelDescription, Statistics } from './api';
import { colormap, SPECIAL_PIXELS } from './colormaps';
import {
  type Cells,
  cellEdges,
  cellsOf,
  cellUnder,
  differences,
  matchSteps,
  matrixPixels,
  matrixRows,
  pixelColumns,
  scaleDomain,
  scaleOf,
} from './overview';

/** Cells [row][step]: a number, null where it was not recorded, 'broken' for NaN within. */
function cells(...rows: (number | null | 'broken')[][]): Cells {
  const all = rows.flat();
  return {
    rows: rows.length,
    steps: rows[0].length,
    values: Float32Array.from(all, (one) => (typeof one === 'number' ? one : Number.NaN)),
    broken: Uint8Array.from(all, (one) => (one === 'broken' ? 1 : 0)),
    recorded: Uint8Array.from(all, (one) => (one === null ? 0 : 1)),
  };
}

it('takes the rows of a kind in the order of the layers', () => {
  const model = {
    layers: [{ path: 'a' }, { path: 'b/c' }],
    rows: [
      { kind: 'weight', path: 'b/c/kernel', layer_path: 'b/c' },
      { kind: 'activation', path: 'b/c', layer_path: 'b/c' },
      { kind: 'weight', path: 'a/bias', layer_path: 'a' },
    ],
  } as ModelDescription;
  expect(matrixRows(model, 'weight')).toEqual([
    { row: 2, layer: 'a', label: 'a/bias' },
    { row: 0, layer: 'b/c', label: 'b/c/kernel' },
  ]);
  expect(matrixRows(model, 'input')).toEqual([]);
});

it('reads a statistic of rows over steps, and what was left out or broken', () => {
  const model = { statistics: ['count', 'mean', 'nan_count'] } as ModelDescription;
  const { NaN: nan } = Number;
  const statistics = {
    steps: [0, 5],
    rows: 2,
    columns: 3,
    // [step, row, statistic]
    values: Float32Array.of(4, 1, 0, nan, nan, nan, 4, 2, 1, 4, 3, 0),
  } as Statistics;
  const rows = [
    { row: 1, layer: 'b', label: 'b' },
    { row: 0, layer: 'a', label: 'a' },
  ];
  const found = cellsOf(model, statistics, rows, 'mean');
  expect([...found.values]).toEqual([nan, 3, 1, 2]);
  expect([...found.recorded]).toEqual([0, 1, 1, 1]);
  expect([...found.broken]).toEqual([0, 0, 0, 1]);
  expect(cellsOf(model, statistics, rows, 'unheard of').values.every(Number.isNaN)).toBe(
    true,
  );
});

it('spans decades, shares, or either side of zero, by the statistic', () => {
  expect(scaleDomain([cells([1, 0, 100])], scaleOf('l2_norm'))).toEqual({
    low: 0,
    high: 2,
  });
  expect(scaleDomain([cells([1e-30, 1])], 'log')).toEqual({ low: -12, high: 0 });
  expect(scaleDomain([cells([0.2])], scaleOf('dead_fraction'))).toEqual({
    low: 0,
    high: 1,
  });
  expect(scaleDomain([cells([-1, 3]), cells([-5, 0])], scaleOf('mean'))).toEqual({
    low: -5,
    high: 5,
  });
  expect(scaleDomain([cells([null, 'broken'])], 'linear')).toBeUndefined();
});

it('gives each step the ground halfway to its neighbours', () => {
  const [from, to] = cellEdges([0, 10, 40]);
  expect([...from]).toEqual([-5, 5, 25]);
  expect([...to]).toEqual([5, 25, 55]);
  expect([...cellEdges([7])].map((edge) => [...edge])).toEqual([[6.5], [7.5]]);
});

it('finds the steps under each pixel, also where several share one', () => {
  const wide = pixelColumns([0, 1], { low: -0.5, high: 1.5 }, 4);
  expect([...wide.first]).toEqual([0, 0, 1, 1]);
  const narrow = pixelColumns([0, 1, 2, 3], { low: -0.5, high: 3.5 }, 2);
  expect([...narrow.first]).toEqual([0, 2]);
  expect([...narrow.last]).toEqual([1, 3]);
  // A run that ends earlier than others.
  const short = pixelColumns([0, 1], { low: -0.5, high: 3.5 }, 4);
  expect([...short.first]).toEqual([0, 1, -1, -1]);
});

it('shows the last recorded step under a pixel, but a broken one before all', () => {
  const row = cells([1, 2, null]);
  expect(cellUnder(row, 0, 0, 2)).toBe(1);
  expect(cellUnder(row, 0, 2, 2)).toBe(-1);
  expect(cellUnder(row, 0, -1, -1)).toBe(-1);
  expect(cellUnder(cells(['broken', 2, 3]), 0, 0, 2)).toBe(0);
});

it('paints by the scale; what is broken, missing or 0 has colours of its own', () => {
  const map = colormap('viridis');
  const columns = pixelColumns([0, 1, 2, 3, 4], { low: -0.5, high: 4.5 }, 5);
  const found = matrixPixels(
    cells([0.1, 10, 0, null, 'broken']),
    columns,
    'log',
    { low: -1, high: 1 },
    map,
  );
  expect([...found]).toEqual([
    map.pixels[0],
    map.pixels[255],
    map.pixels[0],
    0,
    SPECIAL_PIXELS.nan,
  ]);
});

it('takes runs from each other by row and nearest step', () => {
  const a = cells([1, 100, 5], [7, 7, 7]);
  const b = cells([10, 10]);
  expect(matchSteps([0, 1, 5], [0.2, 1.2])).toEqual([0, 1, -1]);
  const found = differences(a, b, [0, -1], [0, 1, -1], 'log');
  expect([...found.values.slice(0, 2)]).toEqual([-1, 1]);
  expect([...found.recorded]).toEqual([1, 1, 0, 0, 0, 0]);
  expect([...differences(a, b, [0, -1], [0, 1, -1], 'linear').values.slice(0, 2)]).toEqual([
    -9, 90,
  ]);
  // 0 and 0 are the same; 0 and something are not comparable as a ratio.
  expect([...differences(cells([0, 0]), cells([0, 2]), [0], [0, 1], 'log').values]).toEqual(
    [0, Number.NEGATIVE_INFINITY],
  );
});
