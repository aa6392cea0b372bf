import { expect, it } from 'vitest';
import { predictionBars, topIndex } from './prediction';
import { stackOf } from './testing';

it('takes values within 0 … 1 with a sum of 1 for probabilities', () => {
  const shown = predictionBars(
    stackOf(Float32Array.of(0.1, 0.7, 0.2), [0.1], [0.7]),
    0,
    10,
  );
  expect(shown?.probabilities).toBe(true);
  expect(topIndex(shown?.bars ?? [])).toBe(1);
  const logits = predictionBars(stackOf(Float32Array.of(-1, 4, 0), [-1], [4]), 0, 10);
  expect(logits?.probabilities).toBe(false);
});

it('shows the greatest of many classes, in their order, and always the label', () => {
  const values = Float32Array.of(0.1, 5, 0.2, 7, 6);
  const shown = predictionBars(stackOf(values, [0.1], [7]), 2, 3);
  expect(shown?.bars.map(({ index }) => index)).toEqual([2, 3, 4]);
  expect(shown?.hidden).toBe(2);
});

it('is no list of classes where the output is a picture', () => {
  expect(
    predictionBars(stackOf(Float32Array.of(1, 2, 3, 4), [1], [4], 2), 0, 3),
  ).toBeUndefined();
});
