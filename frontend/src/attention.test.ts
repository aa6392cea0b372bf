import { expect, it } from 'vitest';
import { areShares, greatestAt, isAttention, positionName, queryRow } from './attention';
import { headerOf, stackOf } from './testing';

const scores = headerOf({
  channel_axes: ['head'],
  height_axis: 'query',
  width_axis: 'key',
});

it('knows attention by its axes, and shares by their kind', () => {
  expect(isAttention(scores)).toBe(true);
  expect(areShares(scores)).toBe(true);
  expect(areShares({ ...scores, kind: 'activation_gradient' })).toBe(false);
  expect(isAttention(headerOf({ height_axis: 'height', width_axis: 'width' }))).toBe(false);
});

it('takes a row of a head', () => {
  // Two heads of two queries and three keys.
  const values = Float32Array.of(1, 0, 0, 0, 1, 0, 0.5, 0.25, 0.25, 0, 0.5, 0.5);
  const stack = stackOf(values, [0, 0], [1, 1], 2);
  expect(queryRow(stack, 0, 1)).toEqual([0, 1, 0]);
  expect(queryRow(stack, 1, 0)).toEqual([0.5, 0.25, 0.25]);
});

it('finds the greatest of what is finite', () => {
  expect(greatestAt([0.1, 0.6, 0.3])).toBe(1);
  expect(greatestAt([Number.NaN, -1, Number.POSITIVE_INFINITY])).toBe(1);
  expect(greatestAt([Number.NaN])).toBe(-1);
});

it('names a position by its token, where each has one', () => {
  expect(positionName(1, 2, ['a', 'film'])).toBe('1 “film”');
  expect(positionName(1, 3, ['a', 'film'])).toBe('1');
  expect(positionName(1, 2, ['a', ''])).toBe('1');
});
