import { expect, it } from 'vitest';
import { filmstripIndices } from './filmstrip';

it('shows the first, the newest and the current step, others evenly', () => {
  expect(filmstripIndices(61, 5, 60)).toEqual([0, 15, 30, 45, 60]);
  expect(filmstripIndices(61, 5, 31)).toEqual([0, 15, 31, 45, 60]);
  // Next to an end, the end stays.
  expect(filmstripIndices(61, 5, 1)).toEqual([0, 1, 30, 45, 60]);
  expect(filmstripIndices(61, 5, 59)).toEqual([0, 15, 30, 59, 60]);
});

it('shows all steps where there is room, and three where there is none', () => {
  expect(filmstripIndices(3, 12, 1)).toEqual([0, 1, 2]);
  expect(filmstripIndices(1, 12, 0)).toEqual([0]);
  expect(filmstripIndices(0, 12, -1)).toEqual([]);
  expect(filmstripIndices(61, 1, 7)).toEqual([0, 7, 60]);
});

it('is not moved by a step without maps', () => {
  expect(filmstripIndices(61, 3, -1)).toEqual([0, 30, 60]);
});
