import { describe, expect, it } from 'vitest';
import {
  explainedWords,
  isSignedHeat,
  methodOrder,
  methodTitle,
  reducedWords,
  scoreOf,
  targetWords,
} from './methods';
import { headerOf } from './testing';

const { explanation } = headerOf({});

it('calls methods by their names, and others by their own', () => {
  expect(
    ['grad_cam', 'grad_cam@conv4', 'saliency/image', 'my/own'].map(methodTitle),
  ).toEqual(['Grad-CAM', 'Grad-CAM · conv4', 'Saliency · image', 'my/own']);
});

it('sorts methods by family, and others last', () => {
  expect(methodOrder(['zebra', 'occlusion', 'saliency', 'grad_cam@b', 'grad_cam'])).toEqual(
    ['grad_cam', 'grad_cam@b', 'saliency', 'occlusion', 'zebra'],
  );
});

it('knows signs as recorded, and else by the values', () => {
  const method = { ...explanation, method: 'saliency' };
  expect(isSignedHeat(headerOf({ low: [-1], explanation: method }))).toBe(false);
  expect(isSignedHeat(headerOf({ low: [0, -1] }))).toBe(true);
  expect(isSignedHeat(headerOf({ low: [0, 0] }))).toBe(false);
});

describe('words', () => {
  const explained = {
    ...explanation,
    method: 'grad_cam',
    target_rule: 'label',
    score_source: 'logits',
    targets: [7, 1],
    scores: [0.5, 'NaN'],
  };

  it('say what is explained', () => {
    expect(explainedWords(explained)).toMatch(/^the label of each sample, by its logit/);
    expect(explainedWords({ ...explained, score_source: 'function' })).toBe(
      'the label of each sample',
    );
    expect(explainedWords(explanation)).toBe('');
  });

  it('say the target and the score', () => {
    const words = { labels: [], class_names: ['zero', 'one'] };
    expect(targetWords(explained, 1, words)).toBe('one');
    expect(targetWords(explained, 0, words)).toBe('7');
    expect(targetWords(explained, 2, words)).toBe('');
    expect([0, 1, 2].map((i) => scoreOf(explained, i))).toEqual([
      0.5,
      Number.NaN,
      Number.NaN,
    ]);
  });

  it('say what was reduced', () => {
    const axis = { size: 8, stored: 4, pooling: 2 };
    const header = headerOf({
      axes: [
        { ...axis, name: 'height' },
        { ...axis, name: 'width' },
      ],
      height_axis: 'height',
      width_axis: 'width',
    });
    expect(reducedWords(header)).toEqual(['means of 2 × 2 values']);
    expect(reducedWords(headerOf({}))).toEqual([]);
  });
});
