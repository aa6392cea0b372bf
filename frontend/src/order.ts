/** In which order a tensor's maps stand, and which are left out. Pure. */
import { summarize } from './heatmap';
import { codeToValue, type Stack } from './wire_format';

export const ORDERS = ['index', 'mean', 'max', 'zeros', 'change', 'pinned'] as const;
export type Order = (typeof ORDERS)[number];

export const FILTERS = ['all', 'alive'] as const;

/** Whether an order needs the maps of another step. */
export function looksBack(order: Order): boolean {
  return order === 'change' || order === 'pinned';
}

/**
 * By what each channel is sorted: of several samples the mean, of maxima the greatest.
 * NaN where a channel has no finite value.
 *
 * Args:
 *   stacks: the samples on the page, of one step.
 *   before: the same samples at the step since which a change counts, where there are.
 *
 * Returns undefined where maps stand in order of their index: because the reader chose
 * so, or because there is no other step to look back to.
 */
export function sortKeys(
  order: Order,
  stacks: readonly Stack[],
  before: readonly (Stack | undefined)[],
): Float64Array | undefined {
  if (order === 'index' || stacks.length === 0) return undefined;
  const pairs = stacks.map((stack, i) => [stack, before[i]] as const);
  if (looksBack(order) && !pairs.some(([, old]) => old)) return undefined;
  const { channels } = stacks[0];
  return Float64Array.from({ length: channels }, (_, channel) => {
    return together(
      order,
      pairs.map(([stack, old]) => sortKey(order, stack, old, channel)),
    );
  });
}

function sortKey(
  order: Order,
  stack: Stack,
  before: Stack | undefined,
  channel: number,
): number {
  if (looksBack(order)) return before ? meanChange(stack, before, channel) : Number.NaN;
  const { mean, max, zeroFraction } = summarize(stack, channel);
  return order === 'mean' ? mean : order === 'max' ? max : zeroFraction;
}

/** Mean absolute difference of a channel's values, where both are finite; NaN where none are. */
export function meanChange(stack: Stack, before: Stack, channel: number): number {
  const size = stack.height * stack.width;
  if (before.height * before.width !== size || channel >= before.channels)
    return Number.NaN;
  const [now, then] = [channelValues(stack, channel), channelValues(before, channel)];
  let [sum, count] = [0, 0];
  for (let i = 0; i < size; i++) {
    const difference = Math.abs(now[i] - then[i]);
    if (!Number.isFinite(difference)) continue;
    sum += difference;
    count++;
  }
  return count > 0 ? sum / count : Number.NaN;
}

/** The values of a channel; codes go through a table, one look-up a value. */
function channelValues(stack: Stack, channel: number): Float32Array {
  const size = stack.height * stack.width;
  const codes = stack.codes.subarray(channel * size, (channel + 1) * size);
  if (!(codes instanceof Uint8Array)) return codes;
  const [low, high] = [stack.low[channel], stack.high[channel]];
  const table = Float32Array.from({ length: 256 }, (_, code) =>
    codeToValue(code, low, high),
  );
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = table[codes[i]];
  return values;
}

/**
 * By what rows of `count` channels each are sorted: of maxima the greatest, else the mean
 * of its channels; NaN where none has a key.
 */
export function rowKeys(
  order: Order,
  keys: Float64Array | undefined,
  count: number,
): Float64Array | undefined {
  if (!keys) return undefined;
  return Float64Array.from({ length: keys.length / count }, (_, row) =>
    together(order, [...keys.subarray(row * count, (row + 1) * count)]),
  );
}

/** One key of several: of maxima the greatest, else the mean; NaN of none. */
function together(order: Order, all: readonly number[]): number {
  const keys = all.filter(Number.isFinite);
  if (keys.length === 0) return Number.NaN;
  if (order === 'max') return Math.max(...keys);
  return keys.reduce((sum, key) => sum + key, 0) / keys.length;
}

/** Channels from the greatest key to the least; without a key last, ties by index. */
export function sortedChannels(keys: Float64Array | undefined, channels: number): number[] {
  const all = Array.from({ length: channels }, (_, channel) => channel);
  if (!keys) return all;
  const rank = (channel: number) =>
    Number.isNaN(keys[channel]) ? Number.NEGATIVE_INFINITY : keys[channel];
  return all.sort((a, b) => (rank(a) === rank(b) ? a - b : rank(b) - rank(a)));
}

/** Whether any of some samples has more than one value in a channel; NaN and ±Inf count. */
export function isAlive(stacks: readonly Stack[], channel: number): boolean {
  return stacks.some((stack) => !summarize(stack, channel).constant);
}
