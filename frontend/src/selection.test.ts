import { expect, it } from 'vitest';
import type { Layer, ModelDescription, Series, TableRow } from './api';
import {
  axisSteps,
  evenIndices,
  firstLayer,
  hasMaps,
  layerRows,
  mapKinds,
  matches,
  nearbySteps,
  nearestIndex,
  newestIndex,
  ownName,
  partTitle,
  readablePath,
  stepIndexAt,
  tensorPaths,
} from './selection';

const layer: Layer = {
  path: 'block/conv',
  class_name: 'Conv2D',
  parents: [],
  outputs: [],
  parameter_count: 0,
  trainable: true,
  activation: 'relu',
  weights: ['block/conv/kernel', 'block/conv/bias'],
  maps_recorded: true,
  note: '',
};

const series: Series = {
  steps: [
    { steps: [0, 10, 20], wall_times: [0, 1, 2] },
    { steps: [0, 5, 20], wall_times: [0, 1, 2] },
  ],
  tags: { 'activation/block/conv': 0, 'weight/block/conv/bias': 0 },
  statistics: 1,
  histograms: null,
  records_written: 3,
};

it('offers the kinds of which there are maps', () => {
  expect(mapKinds(layer, series)).toEqual(['activation', 'weight']);
  expect(mapKinds({ ...layer, path: 'other', weights: [] }, series)).toEqual([]);
});

it('stops the scrubber at every step of maps and tables', () => {
  expect(axisSteps(series)).toEqual([0, 5, 10, 20]);
});

it('finds the step at or before a place, and the nearest', () => {
  const steps = [10, 20, 40];
  expect([5, 10, 19, 20, 99].map((at) => stepIndexAt(steps, at))).toEqual([0, 0, 0, 1, 2]);
  expect([5, 14, 16, 31, 99].map((at) => nearestIndex(steps, at))).toEqual([0, 0, 1, 2, 2]);
  expect(stepIndexAt([], 3)).toBe(-1);
  expect(nearestIndex([], 3)).toBe(-1);
});

it('finds the recorded steps on either side of one', () => {
  const steps = [10, 20, 40];
  expect(nearbySteps(steps, 20)).toEqual({ here: true, before: 10, after: 40 });
  expect(nearbySteps(steps, 30)).toEqual({ here: false, before: 20, after: 40 });
  expect(nearbySteps(steps, 5)).toEqual({ here: false, before: undefined, after: 10 });
  expect(nearbySteps(steps, 10)).toEqual({ here: true, before: undefined, after: 20 });
  expect(nearbySteps(steps, 99)).toEqual({ here: false, before: 40, after: undefined });
  expect(nearbySteps([], 5)).toEqual({ here: false, before: undefined, after: undefined });
});

it('opens with the newest step that has maps, inputs aside', () => {
  const rare: Series = {
    ...series,
    steps: [...series.steps, { steps: [0, 10, 20, 30], wall_times: [0, 1, 2, 3] }],
    statistics: 2,
  };
  const steps = axisSteps(rare);
  expect(steps).toEqual([0, 10, 20, 30]);
  expect(newestIndex(steps, rare)).toBe(2);
  expect(newestIndex(steps, { ...rare, tags: { 'input/image': 0 } })).toBe(3);
  expect(newestIndex([], { ...rare, tags: {} })).toBe(-1);
});

it('spreads indices evenly, both ends among them', () => {
  expect(evenIndices(3, 8)).toEqual([0, 1, 2]);
  expect(evenIndices(101, 5)).toEqual([0, 25, 50, 75, 100]);
  expect(evenIndices(7, 1)).toEqual([6]);
  expect(evenIndices(0, 4)).toEqual([]);
});

const row = (kind: string, path: string): TableRow => ({
  kind,
  path,
  layer_path: 'block/conv',
  shape: [],
  dtype: 'float32',
  histogram_stride: 1,
});

it('shows first a layer with maps, else one with rows, else the first', () => {
  const model = {
    layers: [{ ...layer, path: 'image', weights: [] }, layer],
    rows: [row('activation', 'block/conv')],
  } as Partial<ModelDescription> as ModelDescription;
  expect(hasMaps(model, series)).toBe(true);
  expect(firstLayer(model, series)).toBe(layer);
  const tables = { ...series, tags: {} };
  expect(hasMaps(model, tables)).toBe(false);
  expect(firstLayer(model, tables)).toBe(layer);
  expect(firstLayer({ ...model, rows: [] }, tables)?.path).toBe('image');
});

it('puts the rows of a layer in the order of the kinds', () => {
  const rows = [
    row('weight', 'block/conv/kernel'),
    { ...row('activation', 'other'), layer_path: 'other' },
    row('activation_gradient', 'block/conv'),
    row('activation', 'block/conv'),
  ];
  expect(layerRows(layer, rows)).toEqual([3, 2, 0]);
});

it('writes a path as its tag has it', () => {
  expect(readablePath('a"b\\c\n/d')).toBe('a_b_c_/d');
  expect(ownName('a/b/kernel')).toBe('kernel');
  expect(ownName('kernel')).toBe('kernel');
});

it('matches by regex, or as plain text where that is none', () => {
  expect(matches('block2/conv', 'BLOCK\\d')).toBe(true);
  expect(matches('block2/conv', '^conv')).toBe(false);
  expect(matches('a(b', 'a(')).toBe(true);
  expect(matches('anything', '')).toBe(true);
});

it('finds the tensors of a layer with several outputs', () => {
  const output = (path: string) => ({ shape: [4, 5], dtype: 'float32', path });
  const lstm = {
    ...layer,
    path: 'lstm',
    weights: [],
    outputs: [output('lstm:0'), output('lstm:1')],
  };
  expect(tensorPaths(lstm, 'activation')).toEqual(['lstm:0', 'lstm:1']);
  expect(mapKinds(lstm, { ...series, tags: { 'activation/lstm:1': 0 } })).toEqual([
    'activation',
  ]);
  expect(partTitle('activation', 'lstm:1')).toBe('output 1');
  expect(partTitle('weight', 'lstm/cell/kernel')).toBe('kernel');
});
