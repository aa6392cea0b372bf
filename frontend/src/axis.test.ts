import { expect, it } from 'vitest';
import { extent, linePath, niceTicks } from './axis';

it('ticks at round numbers', () => {
  expect(niceTicks(0, 3000, 6)).toEqual([0, 500, 1000, 1500, 2000, 2500, 3000]);
  expect(niceTicks(15, 90, 4)).toEqual([20, 40, 60, 80]);
  expect(niceTicks(0, 2, 8)).toEqual([0, 1, 2]);
  expect(niceTicks(7, 7, 5)).toEqual([7]);
});

it('breaks a line where a value is missing, and keeps a point between gaps', () => {
  expect(linePath([0, 1, 2, 3], [1, Number.NaN, 2, 3])).toBe('M0.0 1.0h0M2.0 2.0L3.0 3.0');
  expect(linePath([5], [1])).toBe('M5.0 1.0h0');
  expect(linePath([], [])).toBe('');
});

it('spans finite values only', () => {
  expect(extent([3, Number.NaN, -1, Number.POSITIVE_INFINITY])).toEqual([-1, 3]);
  expect(extent([Number.NaN])).toBeUndefined();
});
