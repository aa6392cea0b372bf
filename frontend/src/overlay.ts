/**
 * A heatmap over the image that it explains: the twin of `drawing/overlay.py`. Pure.
 */
import { ByteLru } from './cache';
import type { Colormap } from './colormaps';
import { type Domain, inputPixels, valueToPixel } from './heatmap';
import { repeated, resized } from './resizing';
import { codeToValue, type Stack, worstError } from './wire_format';

/** A picture's longest side, in pixels, up to which a small image is enlarged. */
const SMALL_SIDE = 128;

/**
 * How many pixels in either direction a pixel of an image becomes: a small one is
 * enlarged, so that a heatmap runs smoothly over its squares.
 */
export function enlargement(height: number, width: number): number {
  return Math.max(1, Math.floor(SMALL_SIDE / Math.max(1, height, width)));
}

/** Pixels [height, width], each as a square of `times` × `times`. */
export function enlarged(
  pixels: Uint32Array,
  height: number,
  width: number,
  times: number,
): Uint32Array {
  if (times === 1) return pixels;
  const found = new Uint32Array(pixels.length * times * times);
  const row = width * times;
  for (let y = 0; y < height; y++) {
    const start = y * times * row;
    for (let x = 0; x < width; x++)
      found.fill(pixels[y * width + x], start + x * times, start + (x + 1) * times);
    for (let i = 1; i < times; i++) found.copyWithin(start + i * row, start, start + row);
  }
  return found;
}

/** The recorded values of one channel, [height, width]. */
export function channelValues(stack: Stack, channel: number): Float32Array {
  const size = stack.height * stack.width;
  const codes = stack.codes.subarray(channel * size, (channel + 1) * size);
  if (codes instanceof Float32Array) return codes.slice();
  const [low, high] = [stack.low[channel], stack.high[channel]];
  const table = Float32Array.from({ length: 256 }, (_, i) => codeToValue(i, low, high));
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = table[codes[i]];
  return values;
}

/** The recorded values of a heatmap [height, width]; of several planes their mean. */
export function nativeValues(stack: Stack): Float32Array {
  const values = channelValues(stack, 0);
  for (let channel = 1; channel < stack.channels; channel++)
    channelValues(stack, channel).forEach((value, i) => {
      values[i] += value;
    });
  for (let i = 0; i < values.length; i++) values[i] /= stack.channels;
  return values;
}

/** How far a value of the heatmap may be off. Between values it is off by no more. */
export function heatError(stack: Stack): number {
  let error = 0;
  for (let channel = 0; channel < stack.channels; channel++)
    error = Math.max(error, worstError(stack, channel));
  return error;
}

interface Sized {
  key: string;
  values: Float32Array;
}
// Some hundred heatmaps of 256 × 256 values; a run has thousands.
const sizes = new ByteLru<Sized, Stack>(64 * 2 ** 20);

/** A heatmap's values in the size of a picture; remembered, for opacity is dragged. */
export function heatValues(
  stack: Stack,
  size: readonly [number, number],
  smooth: boolean,
): Float32Array {
  const key = `${size} ${smooth}`;
  const known = sizes.get(stack);
  if (known?.key === key) return known.values;
  const native = [stack.height, stack.width] as const;
  const values = (smooth ? resized : repeated)(nativeValues(stack), native, size);
  sizes.set(stack, { key, values }, values.byteLength);
  return values;
}

/** The greatest |value| that is finite; 0 of none. */
export function greatest(values: Float32Array): number {
  let top = 0;
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (size > top && size < Number.POSITIVE_INFINITY) top = size;
  }
  return top;
}

/** From zero to the greatest value, or as far below it as above. */
export function heatDomain(top: number, signed: boolean): Domain {
  return { low: signed ? 0 - top : 0, high: top };
}

/**
 * The heatmap's colours over an image, one pixel for each value.
 *
 * A value is the more opaque the greater it is, as a share of the domain's greatest: 0
 * leaves the image as it is. NaN and ±Inf are opaque. Without an image the colours stand
 * alone.
 */
export function overlaid(
  image: Uint32Array | undefined,
  values: Float32Array,
  domain: Domain,
  map: Colormap,
  opacity: number,
): Uint32Array {
  const pixels = new Uint32Array(values.length);
  const colors = map.pixels;
  const top = Math.max(Math.abs(domain.low), Math.abs(domain.high)) || 1;
  const last = colors.length - 1;
  // As `colorIndex`; calls and divisions would take five times as long while opacity is
  // dragged.
  const scale = domain.high > domain.low ? last / (domain.high - domain.low) : 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    const size = Math.abs(value);
    const isPlain = scale > 0 && size < Number.POSITIVE_INFINITY;
    const place = (value - domain.low) * scale + 0.5;
    const color = isPlain
      ? colors[place < 0 ? 0 : place > last ? last : place | 0]
      : valueToPixel(value, domain, map);
    if (!image) {
      pixels[i] = color;
      continue;
    }
    // NaN is opaque, as what is above the domain.
    const part = size < top ? size / top : 1;
    // A share of 255, as the alpha of an image has it.
    pixels[i] = blended(image[i], color, (((part * 255 + 0.5) | 0) / 255) * opacity);
  }
  return pixels;
}

/** A share of one opaque colour over another. */
export function blended(below: number, above: number, share: number): number {
  const red = below & 0xff;
  const green = (below >>> 8) & 0xff;
  const blue = (below >>> 16) & 0xff;
  const r = (red + ((above & 0xff) - red) * share + 0.5) | 0;
  const g = (green + (((above >>> 8) & 0xff) - green) * share + 0.5) | 0;
  const b = (blue + (((above >>> 16) & 0xff) - blue) * share + 0.5) | 0;
  return (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
}

/** Whether the planes of an input are an image: gray, colours, or colours and alpha. */
export function isImage({ header, channels }: Stack): boolean {
  return header.height_axis === 'height' && [1, 3, 4].includes(channels);
}

export interface Picture {
  pixels: Uint32Array;
  height: number;
  width: number;
}

const images = new ByteLru<Picture, Stack>(16 * 2 ** 20);

/** An image as it is drawn: enlarged where it is small. */
export function imagePicture(input: Stack): Picture {
  const known = images.get(input);
  if (known) return known;
  const { height, width } = input;
  const times = enlargement(height, width);
  const picture = {
    pixels: enlarged(inputPixels(input), height, width, times),
    height: height * times,
    width: width * times,
  };
  images.set(input, picture, picture.pixels.byteLength);
  return picture;
}
