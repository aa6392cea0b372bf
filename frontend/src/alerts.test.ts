import { expect, it } from 'vitest';
import { findAlerts, healthAt } from './alerts';
import { INITIAL_THRESHOLDS, Table } from './rules';
import type { ModelDescription, Statistics } from './api';

const STATISTICS = [
  'count',
  'l2_norm',
  'dead_fraction',
  'saturated_fraction',
  'nan_count',
  'positive_inf_count',
  'negative_inf_count',
  'update_ratio',
];

type Values = Partial<Record<(typeof STATISTICS)[number], number>>;

const layers = [
  { path: 'conv', parents: [], trainable: true },
  { path: 'relu', parents: ['conv'], trainable: true },
  { path: 'out', parents: ['relu'], trainable: true },
];

/** A run with rows "kind path", and of each the statistics at steps 0, 10, 20, …. */
function tableOf(rows: Record<string, (Values | null)[]>, skipped: number[] = []): Table {
  const names = Object.keys(rows);
  const count = rows[names[0]].length;
  const model = {
    layers,
    rows: names.map((name) => {
      const [kind, path] = name.split(' ');
      return { kind, path, layer_path: path.split('/')[0] };
    }),
    statistics: STATISTICS,
    record_values: ['update_skipped'],
    tables_source: '',
  } as unknown as ModelDescription;
  const values: number[] = [];
  for (let i = 0; i < count; i++) {
    for (const name of names) {
      const given = rows[name][i];
      for (const statistic of STATISTICS) {
        const usual = { count: 4, l2_norm: 1, update_ratio: 1e-3 }[statistic] ?? 0;
        values.push(given === null ? Number.NaN : (given[statistic] ?? usual));
      }
    }
  }
  const steps = Array.from({ length: count }, (_, i) => 10 * i);
  const statistics: Statistics = {
    steps,
    wallTimes: steps,
    epochs: steps,
    rows: names.length,
    columns: STATISTICS.length,
    values: Float32Array.from(values),
    recordColumns: 1,
    recordValues: Float32Array.from(steps, (_, i) => (skipped.includes(i) ? 1 : 0)),
  };
  return new Table(model, statistics);
}

function alertsOf(rows: Parameters<typeof tableOf>[0], skipped?: number[]) {
  return findAlerts(tableOf(rows, skipped), INITIAL_THRESHOLDS);
}

it('finds nothing wrong in a healthy run', () => {
  expect(alertsOf({ 'activation relu': [{}, {}], 'weight conv/kernel': [{}, {}] })).toEqual(
    [],
  );
});

it('names the first step and layer of NaN, and in a backward pass the last layer first', () => {
  const broken = { nan_count: 2, positive_inf_count: 1 };
  const [alert] = alertsOf({
    'activation conv': [{}, {}, broken],
    'activation relu': [{}, broken, {}],
  });
  expect(alert).toMatchObject({ layer: 'relu', step: 10, last: 10, ongoing: false });
  expect(alert.worst.says).toBe('2 NaN and 1 ±Inf in the activation');
  expect(alert.others).toEqual([{ layer: 'conv', step: 20, row: 0 }]);
  const [backward] = alertsOf({
    'activation_gradient conv': [broken],
    'activation_gradient out': [broken],
  });
  expect(backward.layer).toBe('out');
  const [forward] = alertsOf({ 'activation conv': [broken], 'activation out': [broken] });
  expect(forward.layer).toBe('conv');
});

it('leaves out gradients that the loss scale backed off from', () => {
  const broken = { positive_inf_count: 1 };
  expect(alertsOf({ 'weight_gradient conv/kernel': [{}, broken] }, [1])).toEqual([]);
  // The weights themselves are never meant to be so.
  expect(alertsOf({ 'weight conv/kernel': [{}, broken] }, [1])).toHaveLength(1);
});

it('compares a gradient with the largest of its kind at the same step', () => {
  const [alert] = alertsOf({
    'activation_gradient conv': [{ l2_norm: 1e-3 }, { l2_norm: 2e-6 }],
    'activation_gradient out': [{}, {}],
    'weight_gradient conv/kernel': [{ l2_norm: 1e-9 }, { l2_norm: 1e-9 }],
  });
  expect(alert).toMatchObject({ layer: 'conv', step: 10, ongoing: true });
  expect(alert.worst.word).toBe('vanishes');
  expect(alert.worst.says).toMatch(/500,000 times smaller/);
});

it('says of a gradient that is 0 that there is none', () => {
  const [alert] = alertsOf({ 'activation_gradient conv': [{ l2_norm: 0 }] });
  expect(alert.worst).toMatchObject({ word: 'no grad' });
  expect(alert.worst.says).toBe('the activation gradient is exactly 0');
});

it('compares a gradient with the geometric mean of five records or more', () => {
  const steady = [{ l2_norm: 0.1 }, {}, { l2_norm: 10 }, {}, {}];
  const rows = (last: number) => ({
    'weight_gradient conv/kernel': [...steady, { l2_norm: last }],
  });
  expect(alertsOf(rows(99))).toEqual([]);
  const [alert] = alertsOf(rows(150));
  expect(alert).toMatchObject({ layer: 'conv', step: 50 });
  expect(alert.worst.says).toBe(
    'the norm of the kernel’s gradient is 150 times its typical one',
  );
  // Of four records nothing is typical yet.
  expect(
    alertsOf({ 'weight_gradient conv/kernel': [{}, {}, {}, {}, { l2_norm: 1e9 }] }),
  ).toEqual([]);
});

it('tells dead channels by their share, and how long they are so', () => {
  const rows = {
    'activation relu': [{}, { dead_fraction: 0.3 }, { dead_fraction: 0.5 }, null],
  };
  const [alert] = alertsOf(rows);
  // The last record left the row out, which does not end it.
  expect(alert).toMatchObject({ layer: 'relu', step: 10, last: 20, ongoing: true });
  expect(alert.worst.says).toBe('50 % of the channels are 0 for every probe sample');
  expect(findAlerts(tableOf(rows), { ...INITIAL_THRESHOLDS, dead: 0.6 })).toEqual([]);
});

it('lets an output be sure of its answer', () => {
  const sure = [{ saturated_fraction: 0.9 }];
  expect(alertsOf({ 'activation out': sure })).toEqual([]);
  expect(alertsOf({ 'activation relu': sure })[0].rule.name).toBe('saturated');
});

it('tells trained weights that do not move', () => {
  const still = [{ update_ratio: Number.NaN }, { update_ratio: 1e-10 }];
  expect(alertsOf({ 'weight conv/kernel': still })[0]).toMatchObject({ step: 10 });
  // A moving mean has no gradient, where others have.
  expect(
    alertsOf({
      'weight conv/moving_mean': still,
      'weight_gradient conv/kernel': [{}, {}],
    }),
  ).toEqual([]);
});

const health = (rows: Parameters<typeof tableOf>[0], i = 0) =>
  healthAt(tableOf(rows), i, INITIAL_THRESHOLDS);

it('puts NaN before dead channels before missing gradients', () => {
  const dead = { dead_fraction: 0.5 };
  const none = { l2_norm: 0 };
  const of = (activation: Values, gradient: Values) =>
    health({
      'activation relu': [activation],
      'activation_gradient relu': [gradient],
    }).get('relu');
  expect(of({}, {})).toMatchObject({ level: 'good', word: '' });
  expect(of(dead, { nan_count: 2 })).toMatchObject({
    level: 'bad',
    word: 'NaN',
    sentence: '2 NaN in the activation gradient at this step.',
  });
  expect(of({}, none)).toMatchObject({ level: 'warning', word: 'no grad' });
  expect(of({ dead_fraction: 1 }, {})).toMatchObject({ level: 'bad', word: 'dead' });
});

it('says which rows a healthy layer lacks at a step, and nothing of one without rows', () => {
  const rows = {
    'activation relu': [{}, {}, null],
    'activation_gradient relu': [{}, null, null],
  };
  expect(health(rows, 0).get('relu')?.sentence).not.toMatch(/Not at/);
  expect(health(rows, 1).get('relu')).toMatchObject({ level: 'good' });
  expect(health(rows, 1).get('relu')?.sentence).toMatch(
    /Not at this step: activation gradient\.$/,
  );
  expect(health(rows, 2).get('relu')?.level).toBe('unknown');
  expect(health(rows, -1).get('relu')?.level).toBe('unknown');
  expect(health(rows, 0).get('other')).toBeUndefined();
});

it('says of which samples a channel is dead', () => {
  const table = tableOf({ 'activation relu': [{ dead_fraction: 1 }] });
  Object.assign(table.model, { tables_source: 'training' });
  expect(healthAt(table, 0, INITIAL_THRESHOLDS).get('relu')?.sentence).toMatch(
    /every sample of the training batch/,
  );
});
