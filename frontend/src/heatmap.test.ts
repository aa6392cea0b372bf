import { describe, expect, it } from 'vitest';
import { colormap, hexToPixel, pixelToCss, SPECIAL_PIXELS } from './colormaps';
import {
  channelPixels,
  colorIndex,
  countSpecial,
  inputPixels,
  legendPixels,
  summarize,
  valueToPixel,
} from './heatmap';
import { stackOf } from './testing';

const viridis = colormap('viridis');
const blueRed = colormap('blue_red');

describe('the colour of a value', () => {
  it('is the nearest of 256, and the ends outside the domain', () => {
    const domain = { low: 0, high: 255 };
    expect(colorIndex(0, domain, viridis)).toBe(0);
    expect(colorIndex(99.6, domain, viridis)).toBe(100);
    expect(colorIndex(255, domain, viridis)).toBe(255);
    expect(colorIndex(-9, domain, viridis)).toBe(0);
    expect(colorIndex(900, domain, viridis)).toBe(255);
  });

  it('of a domain without width is the first, or the centre of a diverging map', () => {
    expect(colorIndex(5, { low: 5, high: 5 }, viridis)).toBe(0);
    expect(colorIndex(0, { low: 0, high: 0 }, blueRed)).toBe(128);
  });

  it('stays defined over the whole range of float32', () => {
    const widest = { low: -3.4e38, high: 3.4e38 };
    expect(colorIndex(3.4e38, widest, viridis)).toBe(255);
    expect(colorIndex(0, { low: -1.7e308, high: 1.7e308 }, viridis)).toBe(128);
  });

  it('of NaN and ±Inf is none of the map', () => {
    const domain = { low: 0, high: 1 };
    expect(valueToPixel(Number.NaN, domain, viridis)).toBe(SPECIAL_PIXELS.nan);
    expect(valueToPixel(Number.POSITIVE_INFINITY, domain, viridis)).toBe(
      SPECIAL_PIXELS.positiveInf,
    );
    expect(valueToPixel(Number.NEGATIVE_INFINITY, domain, viridis)).toBe(
      SPECIAL_PIXELS.negativeInf,
    );
    for (const pixel of Object.values(SPECIAL_PIXELS)) {
      expect(viridis.pixels).not.toContain(pixel);
      expect(blueRed.pixels).not.toContain(pixel);
    }
  });
});

describe('the pixels of a channel', () => {
  // Codes 0, 126 and 252 of [-1, 1] are -1, 0 and 1.
  const coded = stackOf(Uint8Array.of(9, 9, 9, 9, 0, 126, 252, 255), [0, -1], [1, 1]);
  const values = stackOf(
    Float32Array.of(9, 9, 9, 9, -1, 0, 1, Number.NaN),
    [0, -1],
    [1, 1],
  );

  it.each([
    ['codes', coded],
    ['values', values],
  ])('come out of %s the same', (_, stack) => {
    const domain = { low: -1, high: 1 };
    expect([...channelPixels(stack, 1, domain, viridis)]).toEqual([
      viridis.pixels[0],
      viridis.pixels[128],
      viridis.pixels[255],
      SPECIAL_PIXELS.nan,
    ]);
  });

  it('go by the domain, not by the range of the plane', () => {
    const pixels = channelPixels(coded, 1, { low: -1, high: 3 }, viridis);
    expect(pixels[2]).toBe(viridis.pixels[128]);
  });
});

it('draws a legend from low to high with the colours of the values', () => {
  expect([...legendPixels({ low: 2, high: 4 }, viridis, 3)]).toEqual([
    viridis.pixels[0],
    viridis.pixels[128],
    viridis.pixels[255],
  ]);
  // Beyond a window, the colours of its ends.
  const track = { low: 0, high: 6 };
  expect([...legendPixels({ low: 2, high: 4 }, viridis, 4, track)]).toEqual([
    viridis.pixels[0],
    viridis.pixels[0],
    viridis.pixels[255],
    viridis.pixels[255],
  ]);
});

it('has the bytes of a pixel in the order of ImageData', () => {
  const bytes = new Uint8Array(Uint32Array.of(hexToPixel('102030')).buffer);
  expect([...bytes]).toEqual([0x10, 0x20, 0x30, 255]);
  expect(pixelToCss(hexToPixel('102030'))).toBe('rgb(16 32 48)');
});

describe('the summary of a channel', () => {
  it('leaves NaN and ±Inf out of the mean, and counts them', () => {
    const stack = stackOf(
      Float32Array.of(1, 3, Number.NaN, Number.NEGATIVE_INFINITY),
      [1],
      [3],
    );
    expect(summarize(stack, 0)).toMatchObject({
      mean: 2,
      min: 1,
      max: 3,
      nan: 1,
      positiveInf: 0,
      negativeInf: 1,
      dead: false,
      constant: false,
    });
  });

  it('tells dead from constant, and all-NaN from both', () => {
    const zeros = summarize(stackOf(Uint8Array.of(0, 0), [0], [0]), 0);
    expect(zeros).toMatchObject({ dead: true, constant: true, zeroFraction: 1 });
    const five = summarize(stackOf(Uint8Array.of(0, 0), [5], [5]), 0);
    expect(five).toMatchObject({ dead: false, constant: true, mean: 5, zeroFraction: 0 });
    const nan = summarize(stackOf(Uint8Array.of(255, 255), [0], [0]), 0);
    expect(nan).toMatchObject({ dead: false, constant: false, nan: 2, mean: Number.NaN });
  });

  it('counts as zero what may be zero within its error', () => {
    // Of [0, 504], code 0 stands for 0 ± 1.
    expect(
      summarize(stackOf(Uint8Array.of(0, 1, 252, 0), [0], [504]), 0).zeroFraction,
    ).toBe(0.5);
  });
});

it('counts what the legend must explain', () => {
  const stack = stackOf(Uint8Array.of(0, 252, 255, 254), [-1], [1]);
  expect(countSpecial(stack, { low: -1, high: 0.5 })).toEqual({
    nan: 1,
    positiveInf: 1,
    negativeInf: 0,
    clipped: 1,
  });
  expect(countSpecial(stack, { low: -1, high: 1 }).clipped).toBe(0);
  // Codes of 0, 2, 4 and NaN.
  const codes = stackOf(Uint8Array.of(0, 126, 252, 255), [0], [4]);
  expect(countSpecial(codes, { low: 1, high: 3 }).clipped).toBe(2);
});

it('draws an input in gray, or in its three colours', () => {
  const gray = inputPixels(stackOf(Float32Array.of(0, 0.5, 1), [0], [1]));
  expect([...gray]).toEqual(['000000', '808080', 'ffffff'].map(hexToPixel));
  const rgb = inputPixels(stackOf(Float32Array.of(1, 0, 0.2), [1, 0, 0.2], [1, 0, 0.2]));
  expect([...rgb]).toEqual([hexToPixel('ff0033')]);
});
