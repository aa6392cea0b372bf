import { expect, it } from 'vitest';
import { histogramFacts, layerFacts, mapsFacts, recorderFacts } from './about';
import type { Layer, ModelDescription } from './api';
import { headerOf, stackOf } from './testing';

const layer = (path: string, parents: string[]) =>
  ({
    path,
    parents,
    class_name: 'Conv2D',
    activation: 'relu',
    outputs: [{ shape: [8, 7, 7, 32], dtype: 'float32', path }],
    parameter_count: 4640,
    trainable: false,
  }) as unknown as Layer;

const model = {
  maps_source: '',
  tables_source: '',
  probe: { samples: 32 },
  settings: [
    { name: 'max_channels', value: '64' },
    { name: 'precision', value: 'uint8' },
  ],
  versions: [{ name: 'keras', value: '3.10' }],
  planned_bytes_per_record: 2000,
  budget_bytes_per_record: 4000,
  planned_records: 0,
  budget_bytes_per_run: 0,
} as unknown as ModelDescription;

it('names a layer’s neighbours, outputs and parameters', () => {
  const [a, b] = [layer('a', []), layer('b', ['a'])];
  expect(layerFacts(b, [a, b]).facts).toEqual([
    ['class', 'Conv2D, relu'],
    ['output', '7 × 7 × 32 of float32'],
    ['parameters', '4,640, not trainable'],
    ['reads', 'a'],
  ]);
  expect(layerFacts(a, [a, b]).facts.at(-1)).toEqual(['is read by', 'b']);
});

it('says what of a tensor was left out, how exact it is and where it lies', () => {
  const axis = (name: string, size: number, stored: number, pooling = 1) => ({
    name,
    size,
    stored,
    pooling,
  });
  const header = headerOf({
    blobs: 8,
    low: Array(8).fill(0),
    high: Array(8).fill(252),
    axes: [axis('batch', 32, 8), axis('height', 9, 5, 2), axis('channel', 512, 64)],
  });
  const stack = { ...stackOf(Uint8Array.of(1, 2), [0], [252]), header, storedBytes: 99 };
  const facts = Object.fromEntries(mapsFacts(stack, 'lenet', model).facts);
  expect(facts).toMatchObject({
    axes: 'batch 32 × height 9 × channel 512',
    samples: 'the first 8 of 32, of the probe; sample 0 here',
    shown: 'height 5, means of 2 each; channel the first 64 of 512',
    bytes: '99 B a sample, as sample 0; 2 B before compression',
    recorded: 'step 0',
    'lies in': 'run lenet, tag activation/conv',
  });
  expect(facts.exactness).toContain('± 1/504 of each map’s range; ± 0.5 at most here');
});

it('says what histograms count', () => {
  const row = { kind: 'weight', shape: [3, 4], dtype: 'float32', histogram_stride: 2 };
  const { facts } = histogramFacts(
    { ...row, path: '', layer_path: '' },
    5,
    'r',
    model,
    undefined,
  );
  expect(facts).toContainEqual(['counted', 'every 2nd of 12 values counted']);
  expect(facts).toContainEqual(['bytes', '672 B a record, before compression']);
  expect(facts.map(([term]) => term)).not.toContain('of');
});

it('lists the recorder’s plan, settings and versions', () => {
  expect(recorderFacts(model).facts).toEqual([
    ['planned', 'about 2.0 kB of maps a record (budget 4.0 kB)'],
    ['settings', 'max_channels 64 · precision uint8'],
    ['versions', 'keras 3.10'],
  ]);
});
