/** Two tensors of one shape against each other, channel by channel. Pure. */
import { extent } from './axis';
import { isAlive, meanChange } from './order';
import { codeToValue, type Stack, worstError } from './wire_format';

/** Why two tensors have no difference; undefined where they have one. */
export function mismatch(a: Stack, b: Stack): string | undefined {
  const sizes = ({ channels, height, width }: Stack) =>
    `${channels} × ${height} × ${width}`;
  return sizes(a) === sizes(b) ? undefined : `A is ${sizes(a)}, B is ${sizes(b)}`;
}

/**
 * A − B as float32, of two tensors of one shape.
 *
 * NaN where either is, and where both are the same infinity. The errors of the codes
 * add up.
 */
export function differenceStack(a: Stack, b: Stack): Stack {
  const { channels, height, width } = a;
  const size = height * width;
  const codes = new Float32Array(channels * size);
  const [low, high] = [new Float64Array(channels), new Float64Array(channels)];
  const errors = new Float64Array(channels);
  for (let channel = 0; channel < channels; channel++) {
    const [here, there] = [valuesOf(a, channel), valuesOf(b, channel)];
    const values = codes.subarray(channel * size, (channel + 1) * size);
    for (let i = 0; i < size; i++) values[i] = here[i] - there[i];
    [low[channel], high[channel]] = extent(values) ?? [0, 0];
    errors[channel] = worstError(a, channel) + worstError(b, channel);
  }
  const header = { ...a.header, precision: 'float32', low: [...low], high: [...high] };
  return { header, index: a.index, channels, height, width, codes, low, high, errors };
}

/** The values of a channel, [height * width]. */
function valuesOf({ codes, low, high, height, width }: Stack, channel: number) {
  const size = height * width;
  const own = codes.subarray(channel * size, (channel + 1) * size);
  if (!(own instanceof Uint8Array)) return own;
  const table = Float64Array.from({ length: 256 }, (_, code) =>
    codeToValue(code, low[channel], high[channel]),
  );
  return Float64Array.from(own, (code) => table[code]);
}

export interface Changes {
  /** Channels from the most changed to the least, by mean |A − B|. */
  order: number[];
  change: Float64Array;
  /** Channels that are constant in B and not in A, and the other way about. */
  born: number[];
  died: number[];
}

export function changesOf(a: Stack, b: Stack): Changes {
  const channels = Array.from({ length: a.channels }, (_, channel) => channel);
  const change = Float64Array.from(channels, (channel) => meanChange(a, b, channel));
  const rank = (channel: number) =>
    Number.isNaN(change[channel]) ? Number.POSITIVE_INFINITY : change[channel];
  const alive = (stack: Stack, channel: number) => isAlive([stack], channel);
  return {
    // What can't be compared, NaN in one of the two, comes first.
    order: [...channels].sort((x, y) => rank(y) - rank(x) || x - y),
    change,
    born: channels.filter((one) => alive(a, one) && !alive(b, one)),
    died: channels.filter((one) => !alive(a, one) && alive(b, one)),
  };
}
