import { describe, expect, it } from 'vitest';
import { classBars, softmax } from './class_bars';
import { stackOf } from './testing';

const LINEAR = { activation: 'linear', labelled: true };
const output = (...values: number[]) =>
  stackOf(Float32Array.from(values), [Math.min(...values)], [Math.max(...values)]);

describe('classBars', () => {
  it('marks the greatest, the label and the target', () => {
    const marks = { label: 1, targets: [0] };
    const found = classBars(output(0.25, 0.25, 0.5), LINEAR, marks, 9);
    expect(found?.kind).toBe('probabilities');
    expect(
      found?.bars.map(({ isTop, isLabel, isTarget }) => [isTop, isLabel, isTarget]),
    ).toEqual([
      [false, false, true],
      [false, true, false],
      [true, false, false],
    ]);
  });

  it('keeps label and target where there is room for few', () => {
    const values = output(0.1, 0, 0.5, 0.3, 0.1);
    const found = classBars(values, LINEAR, { label: 1, targets: [4] }, 3);
    expect(found?.bars.map(({ index }) => index)).toEqual([1, 2, 4]);
    expect(found?.hidden).toBe(2);
  });

  it('makes probabilities of logits, where they are known to be such', () => {
    const marks = { label: undefined, targets: [] };
    const logits = output(0, Math.log(3));
    const found = classBars(logits, LINEAR, marks, 9);
    expect(found?.kind).toBe('softmax');
    expect(found?.bars[1].value).toBeCloseTo(0.75);
    const plain = classBars(logits, { ...LINEAR, labelled: false }, marks, 9);
    expect(plain?.kind).toBe('values');
  });

  it('makes two classes of one sigmoid', () => {
    const found = classBars(
      output(0.25),
      { activation: 'sigmoid', labelled: true },
      { label: 0, targets: [1] },
      9,
    );
    expect(found?.bars.map(({ value }) => value)).toEqual([0.75, 0.25]);
  });

  it('leaves pictures alone', () => {
    const stack = stackOf(Float32Array.of(1, 2, 3, 4), [1], [4], 2);
    expect(classBars(stack, LINEAR, { label: 0, targets: [] }, 9)).toBeUndefined();
  });
});

it('softmax of large logits does not overflow', () => {
  expect(softmax([1000, 1000])).toEqual([0.5, 0.5]);
});
