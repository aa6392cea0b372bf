import { expect, it } from 'vitest';
import { SPECIAL_PIXELS } from './colormaps';
import { filterOf, rgbFilters, rgbPixels, rgbReach } from './rgb';
import { headerOf, stackOf } from './testing';

const kernel = (channel_axes: string[], inputs: number, outputs: number, stored = inputs) =>
  headerOf({
    kind: 'weight',
    axes: [
      { name: 'height', size: 3, stored: 3, pooling: 1 },
      { name: 'width', size: 3, stored: 3, pooling: 1 },
      { name: 'in', size: inputs, stored, pooling: 1 },
      { name: 'out', size: outputs, stored: outputs, pooling: 1 },
    ],
    channel_axes,
    height_axis: 'height',
    width_axis: 'width',
    channels: outputs * stored,
  });

it('finds the three inputs of each filter, whichever axis comes first', () => {
  expect(rgbFilters(kernel(['out', 'in'], 3, 2))).toEqual([
    [0, 1, 2],
    [3, 4, 5],
  ]);
  expect(rgbFilters(kernel(['in', 'out'], 3, 2))).toEqual([
    [0, 2, 4],
    [1, 3, 5],
  ]);
  // A single output takes no part in the channels.
  expect(rgbFilters(kernel(['in'], 3, 1))).toEqual([[0, 1, 2]]);
  const filters = rgbFilters(kernel(['in', 'out'], 3, 2)) ?? [];
  expect(filterOf(filters, 3)).toBe(1);
});

it('makes no colours of other tensors', () => {
  expect(rgbFilters(kernel(['out', 'in'], 4, 2))).toBeUndefined();
  expect(rgbFilters(kernel(['out', 'in'], 64, 2, 3))).toBeUndefined();
  expect(rgbFilters({ ...kernel(['out', 'in'], 3, 2), kind: 'activation' })).toBe(
    undefined,
  );
  expect(rgbFilters(headerOf({ kind: 'weight', channels: 3 }))).toBeUndefined();
});

const bytes = (pixel: number) => [pixel & 0xff, (pixel >> 8) & 0xff, (pixel >> 16) & 0xff];

it('shows 0 as mid grey, and each filter up to its own largest value', () => {
  // Red −2 and 0, green 0 and 0, blue 1 and 2.
  const stack = stackOf(Float32Array.of(-2, 0, 0, 0, 1, 2), [-2, 0, 1], [0, 0, 2]);
  expect(rgbReach(stack, [0, 1, 2])).toBe(2);
  const pixels = rgbPixels(stack, [0, 1, 2]);
  expect(bytes(pixels[0])).toEqual([0, 128, 191]);
  expect(bytes(pixels[1])).toEqual([128, 128, 255]);
});

it('shows a filter of zeros as grey, and what is no number as such', () => {
  const zeros = stackOf(Float32Array.of(0, 0, 0), [0, 0, 0], [0, 0, 0]);
  expect(bytes(rgbPixels(zeros, [0, 1, 2])[0])).toEqual([128, 128, 128]);
  const broken = stackOf(Float32Array.of(1, Number.NaN, 0), [1, 0, 0], [1, 0, 0]);
  expect(rgbPixels(broken, [0, 1, 2])[0]).toBe(SPECIAL_PIXELS.nan);
});
