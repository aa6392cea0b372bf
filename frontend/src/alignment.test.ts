import { expect, it } from 'vitest';
import { formatDuration, formatPlace, placeOf, placesOf, placeTicks } from './alignment';
import type { Statistics } from './api';

const statistics = {
  steps: [0, 10, 20, 40],
  epochs: [0, 0, 1, 2],
  wallTimes: [100, 130, 160, 400],
} as Statistics;

it('places records by step, epoch, progress or time', () => {
  expect(placesOf(statistics, 'step').places).toEqual([0, 10, 20, 40]);
  expect(placesOf(statistics, 'epoch').places).toEqual([0, 0.5, 1, 2]);
  expect(placesOf(statistics, 'progress').places).toEqual([0, 0.25, 0.5, 1]);
  expect(placesOf(statistics, 'time').places).toEqual([0, 30, 60, 300]);
});

it('falls back to steps where epochs are not known', () => {
  const unknown = { ...statistics, epochs: [-1, -1, -1, -1] };
  expect(placesOf(unknown, 'epoch').places).toEqual([0, 10, 20, 40]);
});

it('places a step between records by its share of the way', () => {
  const places = placesOf(statistics, 'time');
  expect(placeOf(places, 10)).toBe(30);
  expect(placeOf(places, 30)).toBe(180);
  expect(placeOf(places, 99)).toBe(300);
  expect(placeOf({ steps: [], places: [] }, 5)).toBe(5);
});

it('ticks at what people count in', () => {
  expect(
    placeTicks(0, 1, 4, 'progress').map((tick) => formatPlace(tick, 'progress')),
  ).toEqual(['0 %', '50 %', '100 %']);
  expect(placeTicks(0, 3600, 4, 'time').map((tick) => formatPlace(tick, 'time'))).toEqual([
    '0 s',
    '15:00 min',
    '30:00 min',
    '45:00 min',
    '1:00 h',
  ]);
  expect(placeTicks(0, 3, 10, 'epoch').map((tick) => formatPlace(tick, 'epoch'))).toEqual([
    'epoch 0',
    'epoch 1',
    'epoch 2',
    'epoch 3',
  ]);
  expect(placeTicks(0, 300_000, 2, 'time')).toEqual([0, 172_800]);
});

it('writes durations as clocks do', () => {
  expect([2.25, 45, 200, 7500].map(formatDuration)).toEqual([
    '2.3 s',
    '45 s',
    '3:20 min',
    '2:05 h',
  ]);
});
