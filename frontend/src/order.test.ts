import { expect, it } from 'vitest';
import { rowKeys, isAlive, meanChange, sortedChannels, sortKeys } from './order';
import { stackOf } from './testing';

// Codes 0 and 252 are the ends of a channel's own range.
const stack = stackOf(Uint8Array.of(0, 252, 0, 0, 0, 0), [0, 1, 5], [4, 1, 5]);
const sorted = (order: Parameters<typeof sortKeys>[0]) =>
  sortedChannels(sortKeys(order, [stack], []), 3);

it('sorts from the greatest down, by mean, maximum and share of zeros', () => {
  // Channel 0 holds 0 and 4, channel 1 holds 1 and 1, channel 2 holds 5 and 5.
  expect([...(sortKeys('mean', [stack], []) ?? [])]).toEqual([2, 1, 5]);
  expect(sorted('mean')).toEqual([2, 0, 1]);
  expect(sorted('max')).toEqual([2, 0, 1]);
  expect([...(sortKeys('zeros', [stack], []) ?? [])]).toEqual([0.5, 0, 0]);
  expect(sorted('zeros')).toEqual([0, 1, 2]);
  expect(sorted('index')).toEqual([0, 1, 2]);
});

it('counts a change in values, not in codes', () => {
  // The same codes over twice the range: 0 and 8 were 0 and 4.
  const now = stackOf(Uint8Array.of(0, 252), [0], [8]);
  const before = stackOf(Uint8Array.of(0, 252), [0], [4]);
  expect(meanChange(now, before, 0)).toBe(2);
  // And other codes of the same values.
  const floats = stackOf(Float32Array.of(0, 8), [0], [8]);
  expect(meanChange(now, floats, 0)).toBe(0);
});

it('leaves NaN and infinity out of a change', () => {
  const now = stackOf(Float32Array.of(1, Number.NaN, 3), [1], [3]);
  const before = stackOf(Float32Array.of(0, 1, Number.POSITIVE_INFINITY), [0], [1]);
  expect(meanChange(now, before, 0)).toBe(1);
  const none = stackOf(Float32Array.of(Number.NaN), [0], [0]);
  expect(meanChange(none, none, 0)).toBeNaN();
  expect(meanChange(now, none, 0)).toBeNaN();
});

it('keeps the order of the index where there is no step to look back to', () => {
  expect(sortKeys('change', [stack], [])).toBeUndefined();
  expect(sortKeys('pinned', [stack], [undefined])).toBeUndefined();
  expect(sortKeys('change', [stack], [stack])).toEqual(Float64Array.of(0, 0, 0));
});

it('takes the mean over several samples, of maxima the greatest', () => {
  const other = stackOf(Float32Array.of(2, 2, 7, 7, 1, 1), [2, 7, 1], [2, 7, 1]);
  expect([...(sortKeys('mean', [stack, other], []) ?? [])]).toEqual([2, 4, 3]);
  expect([...(sortKeys('max', [stack, other], []) ?? [])]).toEqual([4, 7, 5]);
  // One of them is not stored at the step before.
  expect(sortKeys('change', [stack, other], [stack, undefined])?.[0]).toBe(0);
});

it('puts channels without a finite value last, and ties in order of the index', () => {
  expect(sortedChannels(Float64Array.of(1, Number.NaN, 2, 1), 4)).toEqual([2, 0, 3, 1]);
});

it('calls a channel alive that varies in any sample, or is broken', () => {
  expect([0, 1, 2].map((channel) => isAlive([stack], channel))).toEqual([
    true,
    false,
    false,
  ]);
  const other = stackOf(Float32Array.of(0, 0, 1, 2, 3, 3), [0, 1, 3], [0, 2, 3]);
  expect(isAlive([stack, other], 1)).toBe(true);
  const broken = stackOf(Float32Array.of(Number.NaN, Number.NaN), [0], [0]);
  expect(isAlive([broken], 0)).toBe(true);
});

it('sorts rows of kernels by what their kernels are together', () => {
  const keys = Float64Array.of(1, 3, 5, Number.NaN, Number.NaN, Number.NaN);
  expect([...(rowKeys('mean', keys, 2) ?? [])]).toEqual([2, 5, Number.NaN]);
  expect([...(rowKeys('max', keys, 2) ?? [])]).toEqual([3, 5, Number.NaN]);
  expect(rowKeys('index', undefined, 2)).toBeUndefined();
});
