import { expect, it } from 'vitest';
import {
  findFlips,
  flipMarks,
  flipText,
  nextFlipStep,
  NO_CLASS,
  predictedClass,
  saysClasses,
  TOO_CLOSE,
} from './flips';
import { headerOf, stackOf } from './testing';
import type { TensorHeader } from './wire_format';

function row(...values: number[]) {
  return stackOf(Float32Array.of(...values), [Math.min(...values)], [Math.max(...values)]);
}

it('takes the greatest of classes, and half for a single unit', () => {
  expect(predictedClass(row(0.1, 0.7, 0.2))).toBe(1);
  expect(predictedClass(row(-1, -9))).toBe(0);
  expect(predictedClass(row(0.49))).toBe(0);
  expect(predictedClass(row(0.5))).toBe(1);
  expect(predictedClass(row(0.1, Number.NaN))).toBe(NO_CLASS);
  expect(predictedClass(row(Number.NaN, 0.1))).toBe(NO_CLASS);
  expect(predictedClass(row(Number.NaN))).toBe(NO_CLASS);
});

it('does not choose between classes of one code', () => {
  const coded = (...codes: number[]) => stackOf(Uint8Array.of(...codes), [0], [252]);
  expect(predictedClass(coded(0, 200, 201))).toBe(2);
  expect(predictedClass(coded(0, 200, 200))).toBe(TOO_CLOSE);
  expect(predictedClass(row(1, 1))).toBe(TOO_CLOSE);
});

it('knows classes by their activation or their labels', () => {
  const says = (header: Partial<TensorHeader>, activation = '', labelled = false) =>
    saysClasses(headerOf(header), { activation, labelled });
  expect(says({ width: 3 }, 'softmax')).toBe(true);
  expect(says({ width: 3 }, 'linear', true)).toBe(true);
  expect(says({ width: 3 }, 'linear')).toBe(false);
  expect(says({ width: 1 }, 'sigmoid')).toBe(true);
  expect(says({ width: 1 }, 'linear', true)).toBe(false);
});

it('knows no classes in a picture, a sequence or a part', () => {
  const axes = (name: string, size: number) => [
    { name: 'batch', size: 1, stored: 1, pooling: 1 },
    { name, size, stored: 3, pooling: 1 },
  ];
  const says = (header: Partial<TensorHeader>) =>
    saysClasses(headerOf({ width: 3, width_axis: 'unit', ...header }), {
      activation: 'softmax',
      labelled: true,
    });
  expect(says({ axes: axes('unit', 3) })).toBe(true);
  expect(says({ axes: axes('unit', 9) })).toBe(false);
  expect(says({ axes: axes('unit', 3), width_axis: 'time' })).toBe(false);
  expect(says({ height: 2 })).toBe(false);
  expect(says({ channels: 2 })).toBe(false);
});

it('finds a change of class, and since when the old one was not seen', () => {
  const flips = findFlips(
    [0, 5, 9],
    [
      [4, 1],
      [4, 1],
      [9, 1],
    ],
  );
  expect(flips).toEqual([{ sample: 0, from: 4, to: 9, step: 9, since: 5 }]);
});

it('claims no change across what is not known, and one across a close call', () => {
  expect(findFlips([0, 1, 2], [[4], undefined, [9]])).toEqual([]);
  expect(findFlips([0, 1, 2], [[4], [NO_CLASS], [9]])).toEqual([]);
  expect(findFlips([0, 1, 2], [[4, 4], [4], [4, 9]])).toEqual([]);
  expect(findFlips([0, 1, 2], [[4], [TOO_CLOSE], [4]])).toEqual([]);
  expect(findFlips([0, 1, 2], [[4], [TOO_CLOSE], [9]])).toHaveLength(1);
});

it('sums up flips that lie too near to each other', () => {
  const flips = findFlips([0, 1, 2, 8], [[0], [1], [0], [1]]);
  const marks = flipMarks(flips, (step) => 3 * step, 5);
  expect(marks.map(({ x, flips }) => [x, flips.length])).toEqual([
    [3, 2],
    [24, 1],
  ]);
});

it('jumps to the flip before and after a step', () => {
  const flips = findFlips([0, 1, 2, 8], [[0], [1], [1], [0]]);
  expect(nextFlipStep(flips, 1, 'after')).toBe(8);
  expect(nextFlipStep(flips, 8, 'before')).toBe(1);
  expect(nextFlipStep(flips, 8, 'after')).toBeUndefined();
});

it('names classes where they have names', () => {
  const flip = { sample: 3, from: 1, to: 0, step: 5, since: 0 };
  expect(flipText(flip, { labels: [], class_names: [] })).toBe('Sample 3: 1 → 0');
  const words = { labels: [0, 0, 0, 1], class_names: ['cat', 'dog'] };
  expect(flipText(flip, words)).toBe('Sample 3: dog → cat (label dog)');
});
