/** Kernels of three inputs as colour pictures. Pure. */
import { SPECIAL_PIXELS } from './colormaps';
import { type Stack, type TensorHeader, valueAt } from './wire_format';

/** The channels of one filter: its kernels of the inputs red, green and blue. */
export type RgbChannels = readonly [number, number, number];

/** The channels of each filter of a kernel of three inputs; undefined of other tensors. */
export function rgbFilters(header: TensorHeader): RgbChannels[] | undefined {
  if (!header.kind.startsWith('weight')) return undefined;
  if (header.height_axis !== 'height' || header.width_axis !== 'width') return undefined;
  const axes = header.channel_axes.map((name) =>
    header.axes.find((axis) => axis.name === name),
  );
  const at = header.channel_axes.indexOf('in');
  if (axes.length > 2 || axes[at]?.size !== 3 || axes[at].stored !== 3) return undefined;
  const filters = header.channels / 3;
  // The last channel axis is the one whose neighbours lie side by side.
  const [perFilter, perInput] = at === axes.length - 1 ? [3, 1] : [1, filters];
  return Array.from({ length: filters }, (_, filter) => {
    const first = filter * perFilter;
    return [first, first + perInput, first + 2 * perInput];
  });
}

/** The filter that a channel is of. */
export function filterOf(filters: readonly RgbChannels[], channel: number): number {
  return filters.findIndex((channels) => channels.includes(channel));
}

/** The largest absolute value of a filter: what its colours reach to on either side of 0. */
export function rgbReach(stack: Stack, channels: RgbChannels): number {
  return Math.max(
    ...channels.flatMap((c) => [Math.abs(stack.low[c]), Math.abs(stack.high[c])]),
  );
}

/** A filter's pixels, [height, width]: 0 is mid grey, ± its reach are dark and bright. */
export function rgbPixels(stack: Stack, channels: RgbChannels): Uint32Array {
  const { height, width } = stack;
  const reach = rgbReach(stack, channels);
  const byte = (value: number) =>
    Math.round(255 * (reach > 0 ? 0.5 + value / reach / 2 : 0.5));
  const pixels = new Uint32Array(height * width);
  for (let i = 0; i < pixels.length; i++) {
    const values = channels.map((c) => valueAt(stack, c, Math.floor(i / width), i % width));
    const special = values.find((value) => !Number.isFinite(value));
    if (special === undefined) {
      const [r, g, b] = values.map(byte);
      pixels[i] = (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;
    } else if (Number.isNaN(special)) pixels[i] = SPECIAL_PIXELS.nan;
    else pixels[i] = special > 0 ? SPECIAL_PIXELS.positiveInf : SPECIAL_PIXELS.negativeInf;
  }
  return pixels;
}
