import { expect, it } from 'vitest';
import {
  draggedEnds,
  isSigned,
  layerDomain,
  mapDomain,
  stepsDomain,
  symmetric,
  union,
  windowed,
} from './domain';
import { headerOf, stackOf } from './testing';

it('centres a signed domain about zero', () => {
  expect(symmetric({ low: -1, high: 3 })).toEqual({ low: -3, high: 3 });
  expect(symmetric({ low: -4, high: -2 })).toEqual({ low: -4, high: 4 });
  expect(symmetric({ low: 0, high: 0 })).toEqual({ low: 0, high: 0 });
});

it('knows which kinds have a sign that matters', () => {
  const kinds = ['activation', 'activation_gradient', 'weight', 'weight_gradient', 'input'];
  expect(kinds.filter(isSigned)).toEqual([
    'activation_gradient',
    'weight',
    'weight_gradient',
  ]);
});

it('spans one map, or all channels and samples of a step', () => {
  const stack = stackOf(Uint8Array.of(0, 0), [1, -2], [4, 2]);
  expect(mapDomain(stack, 1)).toEqual({ low: -2, high: 2 });
  const header = headerOf({
    blobs: 2,
    channels: 2,
    low: [1, -2, 0, 0],
    high: [4, 2, 9, 0],
  });
  expect(layerDomain(header)).toEqual({ low: -2, high: 9 });
});

it('spans all steps, leaving out those without a finite range', () => {
  expect(stepsDomain([0, Number.NaN, -1], [2, Number.NaN, 5])).toEqual({
    low: -1,
    high: 5,
  });
  expect(stepsDomain([Number.NaN], [Number.NaN])).toBeUndefined();
  expect(stepsDomain([], [])).toBeUndefined();
});

it('spans several runs', () => {
  expect(
    union([
      { low: 0, high: 2 },
      { low: -1, high: 1 },
    ]),
  ).toEqual({ low: -1, high: 2 });
  expect(union([])).toBeUndefined();
});

const track = { low: 0, high: 10 };

it('takes the ends that the reader set, the other as it was', () => {
  const set = (low: number | null, high: number | null) =>
    windowed(track, { low, high }, false);
  expect(set(null, null)).toEqual(track);
  expect(set(2, null)).toEqual({ low: 2, high: 10 });
  expect(set(null, 4)).toEqual({ low: 0, high: 4 });
  expect(set(2, 4)).toEqual({ low: 2, high: 4 });
  // Never the wrong way round.
  expect(set(12, null)).toEqual({ low: 12, high: 12 });
});

it('mirrors one end about a centred zero, unless both are set', () => {
  const domain = { low: -5, high: 5 };
  expect(windowed(domain, { low: -2, high: null }, true)).toEqual({ low: -2, high: 2 });
  expect(windowed(domain, { low: null, high: 3 }, true)).toEqual({ low: -3, high: 3 });
  expect(windowed(domain, { low: -2, high: 3 }, true)).toEqual({ low: -2, high: 3 });
});

it('drags one end or both, within the legend', () => {
  const from = { low: 2, high: 6 };
  expect(draggedEnds(from, track, 'low', 1, false)).toEqual({ low: 3 });
  expect(draggedEnds(from, track, 'low', -9, false)).toEqual({ low: 0 });
  expect(draggedEnds(from, track, 'high', 9, false)).toEqual({ high: 10 });
  expect(draggedEnds(from, track, 'both', 3, false)).toEqual({ low: 5, high: 9 });
  expect(draggedEnds(from, track, 'both', 9, false)).toEqual({ low: 6, high: 10 });
  // A handle stops before the other.
  const { low } = draggedEnds(from, track, 'low', 99, false);
  expect(low).toBeGreaterThan(5.9);
  expect(low).toBeLessThan(6);
});

it('keeps a centred domain symmetric while it is dragged', () => {
  const whole = { low: -5, high: 5 };
  expect(draggedEnds(whole, whole, 'high', -2, true)).toEqual({ low: null, high: 3 });
  expect(draggedEnds(whole, whole, 'low', 1, true)).toEqual({ low: null, high: 4 });
  expect(draggedEnds(whole, whole, 'both', 1, true)).toEqual({});
  // What the reader typed otherwise stays otherwise.
  expect(draggedEnds({ low: -1, high: 5 }, whole, 'high', -2, true)).toEqual({ high: 3 });
});
