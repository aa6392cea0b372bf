import { expect, it } from 'vitest';
import { isSigned, layerDomain, mapDomain, stepsDomain, symmetric } from './domain';
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
