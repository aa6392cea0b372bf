import { expect, it } from 'vitest';
import type { Column } from './histogram';
import { linearScale, symlogScale } from './value_axis';

/** −1 … −½, folded to zero, zero, folded to ½, ½ … 1. */
const columns: Column[] = [
  { first: 1, last: 1, low: -1, high: -0.5 },
  { first: 2, last: 4, low: -0.5, high: 0 },
  { first: 5, last: 5, low: 0, high: 0 },
  { first: 6, last: 8, low: 0, high: 0.5 },
  { first: 9, last: 9, low: 0.5, high: 1 },
];

it('gives each column the same room: logarithmic in a bin, linear beside zero', () => {
  const { place } = symlogScale(columns);
  expect(place(-1)).toBe(0);
  expect(place(-Math.SQRT1_2)).toBeCloseTo(0.1, 10);
  expect(place(-0.25)).toBeCloseTo(0.3, 10);
  expect(place(0)).toBe(0.5);
  expect(place(0.25)).toBeCloseTo(0.7, 10);
  expect(place(Math.SQRT1_2)).toBeCloseTo(0.9, 10);
  expect(place(1)).toBe(1);
  // What lies outside lies at the ends.
  expect([place(-7), place(7)]).toEqual([0, 1]);
});

it('draws a column without a bound a half octave wide', () => {
  const open = { first: 165, last: 165, low: 8, high: Number.POSITIVE_INFINITY };
  const { place, high } = symlogScale([...columns, open]);
  expect(high).toBeCloseTo(8 * Math.SQRT2, 10);
  expect(place(8 * 2 ** 0.25)).toBeCloseTo(5.5 / 6, 10);
});

it('labels zero and powers of ten that have room', () => {
  const labels = (spacing: number) =>
    symlogScale(columns)
      .ticks(spacing)
      .map(({ label }) => label);
  expect(labels(0.1)).toEqual(['−1', '−10⁻¹', '0', '10⁻¹', '1']);
  expect(labels(0.3)).toEqual(['−1', '0', '1']);
  const positive = symlogScale(columns.slice(2)).ticks(0.1);
  expect(positive.map(({ label }) => label)).toEqual(['0', '10⁻¹', '1']);
});

it('is even on a linear axis, with round ticks', () => {
  const { place, ticks } = linearScale(-0.25, 0.75);
  expect(place(0)).toBeCloseTo(0.25, 10);
  expect([place(-1), place(1)]).toEqual([0, 1]);
  expect(ticks(0.2).map(({ label }) => label)).toEqual(['−0.2', '0', '0.2', '0.4', '0.6']);
});

it('puts a lone value in the middle of an axis', () => {
  expect(linearScale(3, 3).place(3)).toBe(0.5);
  expect(linearScale(0, 0).place(0)).toBe(0.5);
});
