import { describe, expect, it } from 'vitest';
import { colormap } from './colormaps';
import {
  blended,
  enlarged,
  enlargement,
  greatest,
  heatDomain,
  heatValues,
  isImage,
  nativeValues,
  overlaid,
} from './overlay';
import { stackOf } from './testing';

const GRAY = colormap('gray');
const gray = (level: number) => (0xff000000 | (level << 16) | (level << 8) | level) >>> 0;
const values = (...list: number[]) => Float32Array.from(list);

describe('overlaid', () => {
  it('leaves the image where the heatmap is 0, and covers it the more the greater it is', () => {
    const image = Uint32Array.from([gray(100), gray(100), gray(100)]);
    const found = overlaid(image, values(0, 1, 2), { low: 0, high: 2 }, GRAY, 1);
    // 1 is the colour 128 with the opacity 128 / 255: 100 + 28 × 128 / 255.
    expect([...found]).toEqual([gray(100), gray(114), gray(255)]);
  });

  it('takes a share of that', () => {
    const image = Uint32Array.from([gray(100)]);
    const found = overlaid(image, values(2), { low: 0, high: 2 }, GRAY, 0.2);
    expect([...found]).toEqual([gray(131)]);
  });

  it('diverges about zero where signs matter', () => {
    const map = colormap('blue_red');
    const [low, , high] = overlaid(
      undefined,
      values(-2, 0, 2),
      heatDomain(2, true),
      map,
      1,
    );
    expect([low, high]).toEqual([map.pixels[0], map.pixels[255]]);
    const image = Uint32Array.from([gray(7), gray(7), gray(7)]);
    expect([...overlaid(image, values(-2, 0, 2), heatDomain(2, true), map, 1)]).toEqual([
      low,
      gray(7),
      high,
    ]);
  });

  it('shows NaN as such', () => {
    const image = Uint32Array.from([gray(7)]);
    const [pixel] = overlaid(image, values(Number.NaN), heatDomain(1, false), GRAY, 1);
    expect(pixel).not.toBe(gray(7));
  });

  it('is calm where all is 0', () => {
    const image = Uint32Array.from([gray(7)]);
    expect([...overlaid(image, values(0), heatDomain(0, false), GRAY, 1)]).toEqual([
      gray(7),
    ]);
  });
});

it('blends two colours', () => {
  expect(blended(gray(0), gray(200), 0.25)).toBe(gray(50));
});

describe('enlargement', () => {
  it('makes small images large enough, and leaves others', () => {
    expect([8, 28, 64, 100, 224].map((side) => enlargement(side, side))).toEqual([
      16, 4, 2, 1, 1,
    ]);
  });

  it('repeats pixels', () => {
    const found = enlarged(Uint32Array.from([1, 2]), 1, 2, 2);
    expect([...found]).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  });
});

describe('values of a heatmap', () => {
  it('are means of its planes', () => {
    const stack = stackOf(values(1, 2, 3, 6), [1, 3], [2, 6]);
    expect([...nativeValues(stack)]).toEqual([2, 4]);
    expect([...heatValues(stack, [1, 4], true)]).toEqual([2, 2.5, 3.5, 4]);
    expect([...heatValues(stack, [1, 4], false)]).toEqual([2, 2, 4, 4]);
  });

  it('have a greatest that is finite', () => {
    expect(greatest(values(-3, 2, Number.NaN, Number.POSITIVE_INFINITY))).toBe(3);
    expect(greatest(values())).toBe(0);
  });
});

it('tells images by their axes and channels', () => {
  const stack = stackOf(values(1, 2), [1, 2], [1, 2]);
  expect(isImage(stack)).toBe(false);
  stack.header.height_axis = 'height';
  expect(isImage(stack)).toBe(false);
  const one = stackOf(values(1, 2), [1], [2]);
  one.header.height_axis = 'height';
  expect(isImage(one)).toBe(true);
});
