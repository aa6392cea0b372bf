/**
 * What the bytes of a recorded tensor mean: the twin of `recording/wire_format.py`.
 *
 * A tensor is planes `[channel, height, width]`, one stack for each sample, and each
 * plane is integer codes over its own range of values:
 *
 *     value = low + code * (high - low) / 252        for codes 0 ... 252
 *     253 is -Inf, 254 is +Inf, 255 is NaN
 *
 * With the precisions float16 and float32 the values stand in place of the codes.
 */

export const CODE_MAX = 252;
export const CODE_NEGATIVE_INF = 253;
export const CODE_POSITIVE_INF = 254;
export const CODE_NAN = 255;

export const BIN_NEGATIVE_INF = 0;
export const BIN_NEGATIVE_BEYOND = 1;
export const BIN_ZERO = 83;
export const BIN_POSITIVE_BEYOND = 165;
export const BIN_POSITIVE_INF = 166;
export const BIN_NAN = 167;
export const HISTOGRAM_BINS = 168;

export interface Axis {
  name: string;
  /** Entries in the whole tensor. */
  size: number;
  /** Entries in the codes. */
  stored: number;
  /** Entries averaged into one; 1 is none. */
  pooling: number;
}

/** `TensorHeader` of plugin_data.proto, as JSON. */
export interface TensorHeader {
  format_version: number;
  kind: string;
  path: string;
  dtype: string;
  axes: Axis[];
  channel_axes: string[];
  height_axis: string;
  width_axis: string;
  blobs: number;
  channels: number;
  height: number;
  width: number;
  precision: string;
  /** Least and greatest finite value of each plane, [blobs, channels]. */
  low: number[];
  high: number[];
  wall_time: number;
  step: number;
  epoch: number;
  pooling_method: string;
  note: string;
  explanation: Explanation;
}

/** `Explanation` of plugin_data.proto, as JSON; without a method there is none. */
export interface Explanation {
  method: string;
  /** Layer path or name of an input, where the heatmap is made. */
  site: string;
  /** Its maps have the tag `input/<input_path>`. */
  input_path: string;
  /** Whether values below zero speak against the target. */
  signed: boolean;
  /** "logits", "output" or "function". */
  score_source: string;
  /** "label", "predicted", "ids" or "function"; empty where nothing is scored. */
  target_rule: string;
  /** Of each recorded sample. */
  targets: number[];
  scores: (number | string)[];
  completeness_errors: (number | string)[];
}

/** The planes of one sample, as they were stored. */
export interface Stack {
  header: TensorHeader;
  /** Which blob: the sample, or 0 for a weight. */
  index: number;
  channels: number;
  height: number;
  width: number;
  /** C order [channel, height, width]; codes where it is a Uint8Array, else values. */
  codes: Uint8Array | Float32Array;
  /** Ranges of the planes, [channel]. */
  low: Float64Array;
  high: Float64Array;
  /** Of its blob, which is compressed; undefined of what the page has worked out. */
  storedBytes?: number;
  /** How far values may be off, [channel], where the codes don't say it. */
  errors?: Float64Array;
}

/** The value that a code stands for, exactly as Python's `dequantize` has it. */
export function codeToValue(code: number, low: number, high: number): number {
  if (code === CODE_NEGATIVE_INF) return Number.NEGATIVE_INFINITY;
  if (code === CODE_POSITIVE_INF) return Number.POSITIVE_INFINITY;
  if (code === CODE_NAN) return Number.NaN;
  return Math.fround(low + (code * (high - low)) / CODE_MAX);
}

/** The recorded value at a place, NaN and ±Inf included. */
export function valueAt(stack: Stack, channel: number, y: number, x: number): number {
  const stored = stack.codes[(channel * stack.height + y) * stack.width + x];
  return stack.codes instanceof Uint8Array
    ? codeToValue(stored, stack.low[channel], stack.high[channel])
    : stored;
}

/** How far a value can lie from the recorded one: half a code. */
export function worstError(stack: Stack, channel: number): number {
  if (stack.errors) return stack.errors[channel];
  const span = stack.high[channel] - stack.low[channel];
  if (stack.codes instanceof Uint8Array) return span / (2 * CODE_MAX);
  const largest = Math.max(Math.abs(stack.low[channel]), Math.abs(stack.high[channel]));
  return stack.header.precision === 'float16' ? largest * 2 ** -11 : 0;
}

/** An IEEE 754 half from its bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * The planes of one sample from the inflated bytes of its blob.
 *
 * Throws where the length is not the one that the header promises.
 */
export function decodeStack(header: TensorHeader, index: number, bytes: Uint8Array): Stack {
  const { channels, height, width } = header;
  const count = channels * height * width;
  const itemBytes = { uint8: 1, float16: 2, float32: 4 }[header.precision];
  if (itemBytes === undefined) {
    throw new Error(`The recorded precision “${header.precision}” is not known here.`);
  }
  if (bytes.length !== count * itemBytes) {
    throw new Error(
      `A stored blob has ${bytes.length} bytes; its header says ${channels} × ${height} × ` +
        `${width} of ${header.precision}.`,
    );
  }
  const from = index * channels;
  return {
    header,
    index,
    channels,
    height,
    width,
    codes: itemBytes === 1 ? bytes : toFloats(bytes, count, itemBytes),
    low: Float64Array.from(header.low.slice(from, from + channels)),
    high: Float64Array.from(header.high.slice(from, from + channels)),
  };
}

function toFloats(bytes: Uint8Array, count: number, itemBytes: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    values[i] =
      itemBytes === 2
        ? halfToNumber(view.getUint16(2 * i, true))
        : view.getFloat32(4 * i, true);
  }
  return values;
}

/** Inflates a gzip stream. */
export async function inflate(bytes: Uint8Array): Promise<Uint8Array> {
  const copy = new Uint8Array(bytes);
  const stream = new Blob([copy]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A packed answer taken apart: the JSON, and the bytes that it describes. */
export interface Packed<T> {
  json: T;
  payload: Uint8Array;
}

/** Takes a packed answer apart; see `viewer/http_api.md`. */
export function unpack<T>(buffer: ArrayBuffer): Packed<T> {
  if (buffer.byteLength < 4) throw new Error('The answer was cut short.');
  const length = new DataView(buffer).getUint32(0, true);
  if (4 + length > buffer.byteLength) throw new Error('The answer was cut short.');
  const text = new TextDecoder().decode(new Uint8Array(buffer, 4, length));
  return { json: JSON.parse(text) as T, payload: new Uint8Array(buffer, 4 + length) };
}

/** Where an array lies in a packed answer's payload. */
export interface ArrayPlace {
  offset: number;
  shape: number[];
  dtype: 'float32';
}

/** A float32 array of a packed answer, C order, copied so that it is aligned. */
export function arrayAt(payload: Uint8Array, place: ArrayPlace): Float32Array {
  const count = place.shape.reduce((product, size) => product * size, 1);
  const bytes = payload.slice(place.offset, place.offset + 4 * count);
  if (bytes.length !== 4 * count) throw new Error('The answer was cut short.');
  return toFloats(bytes, count, 4);
}

/** JSON has no NaN and no ±Infinity; the server writes them as strings. */
export function jsonNumber(value: number | string | null): number {
  return value === null ? Number.NaN : Number(value);
}
