import { beforeEach, expect, it } from 'vitest';
import { applyValues, formatHash, parseHash, state, stateValues } from './state';

beforeEach(() => applyValues(new Map()));

it('reads its own keys of a hash and leaves others alone', () => {
  const hash = '#keract&p.other.x=1&p.keract.layer=block%2Fconv%20a&p.keract.step=40';
  expect(parseHash(hash)).toEqual(
    new Map([
      ['layer', 'block/conv a'],
      ['step', '40'],
    ]),
  );
  expect(formatHash(hash, new Map([['layer', 'a&b=c']]))).toBe(
    '#keract&p.other.x=1&p.keract.layer=a%26b%3Dc',
  );
  expect(parseHash('#keract&p.keract.layer=%E0%A4%A')).toEqual(new Map());
});

it('brings back every choice from the URL that it wrote', () => {
  state.view.value = 'histograms';
  state.run.value = 'lenet/keract';
  state.beside.value = ['a,b', 'c d'];
  state.layer.value = 'block/conv';
  state.kind.value = 'weight_gradient';
  state.part.value = 'bias';
  state.step.value = 1240;
  state.speed.value = '10';
  state.sample.value = 3;
  state.colormap.value = 'magma';
  state.signed.value = 'purple_green';
  state.samples.value = [3, 5];
  state.normalisation.value = 'steps';
  state.low.value = -0.25;
  state.high.value = 1e-7;
  state.about.value = true;
  state.sideWidth.value = 300;
  state.detailsWidth.value = 320;
  state.runsHeight.value = 120;
  state.order.value = 'pinned';
  state.pin.value = 40;
  state.filter.value = 'alive';
  state.arrangement.value = 'filmstrip';
  state.kernels.value = 'rgb';
  state.tile.value = 0;
  state.size.value = 'l';
  state.mode.value = 'heatmap';
  state.tensor.value = 'weight/kernel';
  state.align.value = 'time';
  state.layers.value = 'graph';
  state.statistic.value = 'mean';
  state.tensors.value = 'weight';
  state.matrix.value = 'layers';
  state.compare.value = true;
  state.histogramComparison.value = 'swipe';
  state.pairOrder.value = 'model';
  state.comparison.value = 'swipe';
  state.versusStep.value = 20;
  state.versus.value = 'other';
  state.lines.value = ['conv', 'dense'];
  state.numbers.value = true;
  state.exploding.value = 50;
  state.vanishing.value = 1e-7;
  state.dead.value = 0.1;
  state.saturated.value = 0.9;
  state.still.value = 1e-9;
  state.axis.value = 'linear';
  state.scope.value = 'all';
  state.table.value = true;
  state.query.value = 3;
  state.output.value = 'aux';
  state.onImage.value = true;
  state.heatmaps.value = 'samples';
  state.methods.value = ['grad_cam'];
  state.method.value = 'grad_cam';
  state.rows.value = [1, 2];
  state.heat.value = 'grad_cam';
  state.picture.value = 'image';
  state.opacity.value = 0;
  state.pixelated.value = true;
  state.range.value = 'steps';
  state.heatColormap.value = 'viridis';
  const written = stateValues();
  expect(written.size).toBe(Object.keys(state).length);
  const hash = formatHash('#keract', written);
  applyValues(new Map());
  expect([...stateValues().keys()]).toEqual(['view']);
  applyValues(parseHash(hash));
  expect(stateValues()).toEqual(written);
  expect(state.beside.value).toEqual(['a,b', 'c d']);
  expect(state.samples.value).toEqual([3, 5]);
});

it('tells no runs beside from the default', () => {
  state.beside.value = [];
  const hash = formatHash('', stateValues());
  applyValues(new Map());
  applyValues(parseHash(hash));
  expect(state.beside.value).toEqual([]);
});

it('takes what is malformed as if it were not there', () => {
  applyValues(
    new Map([
      ['kind', 'nonsense'],
      ['step', 'NaN'],
      ['tile', '1e3'],
      ['dead', '-1'],
      ['low', 'Infinity'],
      ['high', ' '],
      ['samples', '1,,2'],
      ['unknown', 'x'],
    ]),
  );
  expect([...stateValues().keys()]).toEqual(['view']);
});
