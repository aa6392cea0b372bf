import { expect, it } from 'vitest';
import type { Layer, ModelDescription, Statistics } from './api';
import {
  layerHealth,
  lossOverSteps,
  lostRecords,
  recordedIndices,
  skippedSteps,
  statisticOverSteps,
  stepsWithStatistics,
} from './statistics';

const layer = { path: 'relu' } as Layer;
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
    epochs: [0],
    rows: 2,
    columns: 6,
    values: Float32Array.from([...activation, ...gradient]),
    recordColumns: 2,
    recordValues: Float32Array.of(Number.NaN, 0.5),
  };
}

const fine = [8, 1, 0, 0, 0, 0];

it('calls a layer healthy without anything odd', () => {
  expect(layerHealth(layer, model, table(fine, fine), 0).level).toBe('good');
});

it('puts NaN before dead channels before missing gradients', () => {
  const dead = [8, 1, 0.5, 0, 0, 0];
  const none = [8, 0, 0, 0, 0, 0];
  const broken = [8, 1, 0, 2, 1, 0];
  expect(layerHealth(layer, model, table(dead, broken), 0)).toMatchObject({
    level: 'bad',
    word: 'NaN',
    sentence: '2 NaN and 1 ±Inf in the activation gradient at this step.',
  });
  expect(layerHealth(layer, model, table(dead, none), 0)).toMatchObject({
    level: 'warning',
    word: '50 % dead',
  });
  expect(layerHealth(layer, model, table([8, 0, 1, 0, 0, 0], fine), 0).level).toBe('bad');
  expect(layerHealth(layer, model, table(fine, none), 0).word).toBe('no grad');
});

it('says nothing of a layer that the tables lack', () => {
  expect(layerHealth(layer, model, undefined, 0).level).toBe('unknown');
  const other = { path: 'other' } as Layer;
  expect(layerHealth(other, model, table(fine, fine), 0).level).toBe('unknown');
  const absent = Array(6).fill(Number.NaN);
  expect(layerHealth(layer, model, table(absent, absent), 0).level).toBe('unknown');
});

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

it('says which rows a healthy layer lacks at a step', () => {
  const { level, sentence } = layerHealth(layer, partial, some, 1);
  expect(level).toBe('good');
  expect(sentence).toMatch(/Not at this step: activation gradient\.$/);
  expect(layerHealth(layer, partial, some, 0).sentence).not.toMatch(/Not at/);
  expect(layerHealth(layer, partial, some, 2).level).toBe('unknown');
});

it('says of which samples a channel is dead', () => {
  const dead = table([8, 1, 1, 0, 0, 0], fine);
  expect(layerHealth(layer, model, dead, 0).sentence).toMatch(/every probe sample/);
  const training = { ...model, tables_source: 'training' };
  expect(layerHealth(layer, training, dead, 0).sentence).toMatch(
    /every sample of the training batch/,
  );
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
