import { expect, it } from 'vitest';
import {
  blocksAcross,
  channelLabel,
  channelTitle,
  fitWithin,
  layoutOf,
  shownText,
  tileSize,
} from './layout';
import { headerOf } from './testing';
import type { Axis } from './wire_format';

const axis = (name: string, size: number, stored = size, pooling = 1): Axis => ({
  name,
  size,
  stored,
  pooling,
});

it('shows channels as tiles, a sequence as a matrix, and units as cells', () => {
  expect(layoutOf(headerOf({ channels: 16, height: 14, width: 14 }))).toEqual({
    type: 'tiles',
  });
  expect(layoutOf(headerOf({ height: 24, width: 28 }))).toEqual({ type: 'matrix' });
  expect(layoutOf(headerOf({ width: 10 }))).toMatchObject({
    type: 'units',
    labelled: true,
  });
  expect(layoutOf(headerOf({ width: 64 }))).toEqual({
    type: 'units',
    labelled: false,
    columns: 16,
    rows: 4,
  });
});

it('shows kernels in rows, but those of one input channel as tiles', () => {
  const axes = [axis('height', 3), axis('width', 3), axis('in', 4), axis('out', 8)];
  const kernel = { axes, channel_axes: ['in', 'out'], channels: 32, height: 3, width: 3 };
  expect(layoutOf(headerOf(kernel))).toEqual({ type: 'kernels', outer: 4, inner: 8 });
  const gray = { ...kernel, axes: [axis('in', 1), axis('out', 8)], channels: 8 };
  expect(layoutOf(headerOf(gray))).toEqual({ type: 'tiles' });
});

it('fills the room with tiles, keeping their aspect', () => {
  const room = { width: 800, height: 500 };
  const few = tileSize({ channels: 4, height: 10, width: 20 }, 'auto', room);
  expect(few.width).toBe(2 * few.height);
  expect(4 * few.width).toBeLessThanOrEqual(800 * 2);
  const many = tileSize({ channels: 512, height: 8, width: 8 }, 'auto', room);
  expect(many.width).toBeGreaterThanOrEqual(60);
  expect(tileSize({ channels: 4, height: 8, width: 8 }, 's', room)).toEqual({
    width: 44,
    height: 44,
  });
  expect(
    tileSize({ channels: 4, height: 0, width: 0 }, 'auto', room).width,
  ).toBeGreaterThan(0);
});

it('says how much of a tensor is shown', () => {
  const whole = headerOf({
    axes: [axis('batch', 8), axis('height', 14), axis('width', 14), axis('channel', 64)],
    channel_axes: ['channel'],
    height_axis: 'height',
    width_axis: 'width',
    channels: 64,
    height: 14,
    width: 14,
    blobs: 8,
  });
  expect(shownText(whole, 8, false)).toEqual(['64 of 64 channels', 'every pixel']);
  const part = headerOf({
    ...whole,
    axes: [axis('height', 28, 14, 2), axis('width', 28, 14, 2), axis('channel', 512, 64)],
    blobs: 4,
  });
  expect(shownText(part, 8, false)).toEqual([
    'the first 64 of 512 channels',
    'means of 2 × 2 values',
    '4 of 8 samples',
  ]);
  const cut = headerOf({
    axes: [axis('in', 900, 256), axis('out', 64)],
    height_axis: 'in',
    width_axis: 'out',
    height: 256,
    width: 64,
  });
  expect(shownText(cut, 8, true)).toEqual(['the first 256 of 900 inputs']);
});

it('draws true pixels where the reader asks for them', () => {
  const room = { width: 800, height: 500 };
  expect(tileSize({ channels: 4, height: 3, width: 5 }, 'one', room)).toEqual({
    width: 5,
    height: 3,
  });
});

it('fits planes into squares, and blocks into a line', () => {
  expect(fitWithin({ height: 10, width: 20 }, 64)).toEqual({ width: 64, height: 32 });
  expect(fitWithin({ height: 20, width: 10 }, 64)).toEqual({ width: 32, height: 64 });
  expect([99, 100, 209, 210].map((room) => blocksAcross(room, 100, 10))).toEqual([
    1, 1, 1, 2,
  ]);
});

it('names a channel, and a kernel by both of its axes', () => {
  expect(channelTitle(headerOf({ channel_axes: ['channel'] }), 23)).toBe('Channel 23');
  expect(channelTitle(headerOf({ channel_axes: ['head'] }), 1)).toBe('Head 1');
  expect(channelTitle(headerOf({ channel_axes: ['axis0'] }), 1)).toBe('Channel 1');
  expect(channelLabel(headerOf({ channel_axes: ['channel'] }), 23)).toBe('23');
  expect(channelLabel(headerOf({ channel_axes: ['head'] }), 1)).toBe('head 1');
  const header = headerOf({ axes: [axis('in', 3), axis('out', 8)] });
  expect(channelTitle({ ...header, channel_axes: ['out', 'in'] }, 7)).toBe('out 2 · in 1');
});
