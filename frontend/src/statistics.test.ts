import { expect, it } from 'vitest';
import type { ModelDescription, Statistics } from './api';
import {
  lossOverSteps,
  lostRecords,
  recordedIndices,
  skippedSteps,
  statisticOverSteps,
  stepsWithStatistics,
} from './statistics';

const model = {
  rows: [
    { kind: 'activation', path: 'relu', layer_path: 'relu' },
    { kind: 'activation_gradient', path: 'relu', layer_path: 'relu' },
  ],
  statistics: [
    'count',
    'l2_norm',
    'dead_fraction',
    'nan_count',
    'positive_inf_count',
    'negative_inf_count',
  ],
  record_values: ['probe_loss', 'training_loss'],
  tables_source: '',
} as ModelDescription;

/** Two rows at one step. */
function table(activation: number[], gradient: number[]): Statistics {
  return {
    steps: [0],
    wallTimes: [0],
    epochs: [0],
    rows: 2,
    columns: 6,
    values: Float32Array.from([...activation, ...gradient]),
    recordColumns: 2,
    recordValues: Float32Array.of(Number.NaN, 0.5),
  };
}

const fine = [8, 1, 0, 0, 0, 0];

it('reads one statistic over the steps', () => {
  const statistics = table(fine, [8, 7, 0, 0, 0, 0]);
  expect([...statisticOverSteps(model, statistics, 1, 'l2_norm')]).toEqual([7]);
  expect(statisticOverSteps(model, statistics, 1, 'unheard of').length).toBe(0);
  expect(statisticOverSteps(model, statistics, 9, 'l2_norm').length).toBe(0);
});

it('falls back to the training loss where the probe has none', () => {
  expect([...lossOverSteps(model, table(fine, fine))]).toEqual([0.5]);
});

const NONE = Array<number>(6).fill(Number.NaN);

/** A table of several steps, each with the two rows and `lost_records`, `update_skipped`. */
function tables(
  steps: { activation?: number[]; gradient?: number[]; record: [number, number] }[],
): Statistics {
  return {
    steps: steps.map((_, i) => 10 * i),
    wallTimes: steps.map(() => 0),
    epochs: steps.map(() => 0),
    rows: 2,
    columns: 6,
    values: Float32Array.from(
      steps.flatMap(({ activation, gradient }) => [
        ...(activation ?? NONE),
        ...(gradient ?? NONE),
      ]),
    ),
    recordColumns: 2,
    recordValues: Float32Array.from(steps.flatMap(({ record }) => record)),
  };
}

const partial = { ...model, record_values: ['lost_records', 'update_skipped'] };
const allNaN = [8, Number.NaN, 0, 8, 0, 0];
const some = tables([
  { activation: fine, gradient: fine, record: [0, Number.NaN] },
  { activation: fine, record: [0, 1] },
  { record: [Number.NaN, 0] },
  { activation: fine, gradient: allNaN, record: [3, 1] },
]);

it('tells a row that was left out from one without a finite value', () => {
  expect(recordedIndices(partial, some, 0)).toEqual([0, 1, 3]);
  expect(recordedIndices(partial, some, 1)).toEqual([0, 3]);
  expect(recordedIndices(partial, some, -1)).toEqual([]);
  expect(stepsWithStatistics(partial, some)).toEqual([0, 10, 30]);
});

it('counts the records lost until a step, by the last record that knows', () => {
  expect([0, 1, 2, 3, 9].map((i) => lostRecords(partial, some, i))).toEqual([
    0, 0, 0, 3, 3,
  ]);
  // An older recorder did not know.
  expect(lostRecords(model, table(fine, fine), 0)).toBe(0);
});

it('finds the steps whose update was skipped', () => {
  expect(skippedSteps(partial, some)).toEqual([10, 30]);
  expect(skippedSteps(model, table(fine, fine))).toEqual([]);
});
