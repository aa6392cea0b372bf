import { expect, it } from 'vitest';
import { colormap, hexToPixel } from './colormaps';
import { filmFrame, filmLayout, levelled } from './film';
import { headerOf, stackOf } from './testing';

it('lays maps out as large as fit, each a whole number of pixels a value', () => {
  const header = headerOf({ channels: 8, height: 14, width: 14 });
  const layout = filmLayout(header, [0, 1, 2, 3, 4, 5, 6, 7]);
  expect(layout.scale).toBe(9);
  const [first, second] = layout.places;
  expect(second.x - first.x).toBe(9 * 14 + 4);
  for (const { x, y } of layout.places) {
    expect(x + 9 * 14).toBeLessThanOrEqual(layout.width);
    expect(y + 9 * 14).toBeLessThanOrEqual(layout.height);
  }
  expect(filmLayout(header, [3]).scale).toBe(45);
});

it('gives each value of many or large maps a pixel at least', () => {
  const header = headerOf({ channels: 2, height: 2000, width: 2000 });
  expect(filmLayout(header, [0, 1]).scale).toBe(1);
});

it('shows a vector as rows of cells', () => {
  const layout = filmLayout(headerOf({ height: 1, width: 20 }), [0]);
  expect([layout.columns, layout.rows]).toEqual([10, 2]);
});

it('lays the panes of a channel side by side, and leaves those that are missing empty', () => {
  const stack = stackOf(Uint8Array.of(252, 252), [0, 0], [1, 1]);
  const layout = filmLayout(stack.header, [1, 0], 3);
  const [first, second, third, next] = layout.places;
  expect(layout.places.map(({ channel }) => channel)).toEqual([1, 1, 1, 0, 0, 0]);
  expect(layout.places.map(({ pane }) => pane)).toEqual([0, 1, 2, 0, 1, 2]);
  expect(second.x - first.x).toBe(layout.scale + 1);
  expect(next.x - third.x === layout.scale + 10 || next.y > third.y).toBe(true);
  const map = colormap('gray');
  const pane = { stack, map, domainOf: () => ({ low: 0, high: 1 }) };
  const pixels = filmFrame([undefined, pane], layout, 7, Uint32Array.of());
  const at = ({ x, y }: { x: number; y: number }) => pixels[y * layout.width + x];
  expect([first, second, third].map(at)).toEqual([7, map.pixels[255], 7]);
});

it('draws a value as a square in its colour, below the caption', () => {
  const stack = stackOf(Uint8Array.of(0, 252), [0], [1]);
  const layout = filmLayout(headerOf({ height: 1, width: 2 }), [0]);
  const [white, ink] = [0xffffffff, 0xff000000];
  const caption = new Uint32Array(layout.width * layout.captionHeight).fill(ink);
  const map = colormap('gray');
  const domain = { low: 0, high: 1 };
  const pixels = filmFrame(
    [{ stack, map, domainOf: () => domain }],
    layout,
    white,
    caption,
  );
  const at = (x: number, y: number) => pixels[y * layout.width + x];
  const [{ x, y }] = layout.places;
  expect(at(0, layout.captionHeight - 1)).toBe(ink);
  expect(at(0, layout.captionHeight)).toBe(white);
  expect(at(x, y)).toBe(map.pixels[0]);
  expect(at(x + layout.scale - 1, y + layout.scale - 1)).toBe(map.pixels[0]);
  expect(at(x + layout.scale, y)).toBe(map.pixels[255]);
});

it('leaves text five colours', () => {
  const [black, white] = ['000000', 'ffffff'].map(hexToPixel);
  const blends = Uint32Array.from({ length: 256 }, (_, i) => 0xff000000 | (i * 0x010101));
  const found = new Set(levelled(blends, black, white));
  expect(found.size).toBe(5);
  expect(found.has(black) && found.has(white)).toBe(true);
});
