import { expect, it } from 'vitest';
import { CENTRE_LEAST, mostWidth, panelWidths } from './panels';

const NONE = { side: null, details: null };

it('suits the page until the reader says otherwise', () => {
  expect(panelWidths(NONE, 1024)).toEqual({ side: 212, details: 244 });
  expect(panelWidths(NONE, 1440)).toEqual({ side: 248, details: 296 });
  expect(panelWidths(NONE, 3840)).toEqual({ side: 360, details: 480 });
  expect(panelWidths({ side: 300, details: 400 }, 1440)).toEqual({
    side: 300,
    details: 400,
  });
});

it('leaves the view its room, whatever is wanted', () => {
  for (const page of [1024, 1280, 3840]) {
    const { side, details } = panelWidths({ side: 9999, details: 9999 }, page);
    expect(page - side - details).toBeGreaterThanOrEqual(CENTRE_LEAST);
  }
  expect(mostWidth(1024, 244, 180)).toBe(300);
});

it('keeps panels usable where the page is too narrow for all', () => {
  expect(panelWidths({ side: 1, details: 1 }, 700)).toEqual({ side: 180, details: 200 });
});
