import { expect, it } from 'vitest';
import { mapTable, ROWS_LISTED } from './map_table';
import { stackOf } from './testing';

it('lists what each map holds, in the given order', () => {
  const stack = stackOf(Float32Array.of(0, 4, Number.NaN, 2), [0, 2], [4, 2]);
  expect(mapTable(stack, [1, 0])).toEqual({
    columns: ['mean', 'least', 'greatest', 'zeros', 'NaN, ±Inf'],
    rows: [
      { name: 'Channel 1', cells: ['2', '2', '2', '0 %', '1'] },
      { name: 'Channel 0', cells: ['2', '0', '4', '50 %', '0'] },
    ],
    hidden: 0,
  });
});

it('lists the values of a vector, and says how many more there are', () => {
  const values = Float32Array.from({ length: ROWS_LISTED + 3 }, (_, i) => i);
  const stack = stackOf(values, [0], [ROWS_LISTED + 2]);
  const table = mapTable(stack, [0]);
  expect(table.columns).toEqual(['value']);
  expect(table.rows[7]).toEqual({ name: 'unit 7', cells: ['7'] });
  expect([table.rows.length, table.hidden]).toEqual([ROWS_LISTED, 3]);
});
