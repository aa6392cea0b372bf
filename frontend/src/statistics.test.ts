import { expect, it } from 'vitest';
import type { Layer, ModelDescription, Statistics } from './api';
import { layerHealth, lossOverSteps, statisticOverSteps } from './statistics';

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
