/** Small tensors for tests. */
import type { Stack, TensorHeader } from './wire_format';

export function headerOf(parts: Partial<TensorHeader>): TensorHeader {
  return {
    format_version: 1,
    kind: 'activation',
    path: 'conv',
    dtype: 'float32',
    axes: [],
    channel_axes: [],
    height_axis: '',
    width_axis: '',
    blobs: 1,
    channels: 1,
    height: 1,
    width: 1,
    precision: 'uint8',
    low: [0],
    high: [1],
    wall_time: 0,
    step: 0,
    epoch: -1,
    pooling_method: '',
    note: '',
    explanation: {
      method: '',
      site: '',
      input_path: '',
      signed: false,
      score_source: '',
      target_rule: '',
      targets: [],
      scores: [],
      completeness_errors: [],
    },
    ...parts,
  };
}

/** A stack of one row a channel; a Float32Array holds values, a Uint8Array codes. */
export function stackOf(
  codes: Uint8Array | Float32Array,
  low: number[],
  high: number[],
  height = 1,
): Stack {
  const channels = low.length;
  const width = codes.length / channels / height;
  const precision = codes instanceof Uint8Array ? 'uint8' : 'float32';
  const header = headerOf({ channels, height, width, low, high, precision });
  return {
    header,
    index: 0,
    channels,
    height,
    width,
    codes,
    low: Float64Array.from(low),
    high: Float64Array.from(high),
  };
}
