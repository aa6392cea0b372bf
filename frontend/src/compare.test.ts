import { expect, it } from 'vitest';
import { changesOf, differenceStack, mismatch } from './compare';
import { stackOf } from './testing';
import { valueAt, worstError } from './wire_format';

it('subtracts values, not codes, and adds up their errors', () => {
  // Codes 0 and 252 span 0 … 1 in one and 0 … 2 in the other.
  const a = stackOf(Uint8Array.of(0, 252), [0], [1]);
  const b = stackOf(Uint8Array.of(252, 126), [0], [2]);
  const found = differenceStack(a, b);
  expect([...found.codes]).toEqual([-2, 0]);
  expect([found.low[0], found.high[0]]).toEqual([-2, 0]);
  expect(worstError(found, 0)).toBeCloseTo(1 / 504 + 2 / 504);
  expect(valueAt(found, 0, 0, 0)).toBe(-2);
});

it('leaves what is no number in neither a range nor a difference', () => {
  const a = stackOf(Float32Array.of(1, Number.POSITIVE_INFINITY, 3), [1], [3]);
  const b = stackOf(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, 1), [1], [1]);
  const found = differenceStack(a, b);
  expect([...found.codes]).toEqual([Number.NaN, Number.NaN, 2]);
  expect([found.low[0], found.high[0]]).toEqual([2, 2]);
});

it('says why shapes have no difference', () => {
  const one = stackOf(Float32Array.of(1, 2), [1], [2]);
  const two = stackOf(Float32Array.of(1, 2), [1, 2], [1, 2]);
  expect(mismatch(one, one)).toBeUndefined();
  expect(mismatch(one, two)).toBe('A is 1 × 1 × 2, B is 2 × 1 × 1');
});

it('ranks channels by their change and names those that came alive or died', () => {
  // Channels: unchanged, died, changed by 3, came alive.
  const b = stackOf(Float32Array.of(1, 2, 5, 6, 0, 1, 4, 4), [1, 5, 0, 4], [2, 6, 1, 4]);
  const a = stackOf(Float32Array.of(1, 2, 0, 0, 3, 4, 4, 5), [1, 0, 3, 4], [2, 0, 4, 5]);
  const { order, change, born, died } = changesOf(a, b);
  expect([...change]).toEqual([0, 5.5, 3, 0.5]);
  expect(order).toEqual([1, 2, 3, 0]);
  expect(born).toEqual([3]);
  expect(died).toEqual([1]);
});
