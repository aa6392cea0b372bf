import { expect, it } from 'vitest';
import { batchNote, isProbe, sourceWords } from './source';

it('takes an older run, which names no source, for one of the probe', () => {
  expect(['', 'probe', 'training', 'dataset'].map(isProbe)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

it('names the batch of a tensor, where it is not the probe and the tensor has one', () => {
  expect(batchNote('activation', 'probe')).toBe('');
  expect(batchNote('activation', 'training')).toBe('of the training batch');
  expect(batchNote('weight_gradient', 'dataset')).toBe('of the whole dataset');
  expect(batchNote('weight', 'training')).toBe('');
  expect(sourceWords('dream')).toBe('“dream”');
});
