import { describe, expect, it } from 'vitest';
import golden from '../fixtures/golden.json';
import { headerOf } from './testing';
import {
  arrayAt,
  BIN_NAN,
  BIN_NEGATIVE_BEYOND,
  BIN_NEGATIVE_INF,
  BIN_POSITIVE_BEYOND,
  BIN_POSITIVE_INF,
  BIN_ZERO,
  codeToValue,
  decodeStack,
  HISTOGRAM_BINS,
  halfToNumber,
  inflate,
  jsonNumber,
  type TensorHeader,
  unpack,
  valueAt,
  worstError,
} from './wire_format';

const bytesOf = (base64: string) => Uint8Array.from(Buffer.from(base64, 'base64'));

describe.each(Object.entries(golden.tensors))(
  'a tensor that Python wrote as %s',
  (_, tensor) => {
    const header = tensor.header as TensorHeader;
    it('gives the values that Python reads back', async () => {
      const values: number[] = [];
      for (let index = 0; index < header.blobs; index++) {
        const bytes = await inflate(bytesOf(tensor.blobs[index]));
        const stack = decodeStack(header, index, bytes);
        for (let c = 0; c < stack.channels; c++) {
          for (let y = 0; y < stack.height; y++) {
            for (let x = 0; x < stack.width; x++) values.push(valueAt(stack, c, y, x));
          }
        }
      }
      expect(values).toEqual(tensor.values.map(jsonNumber));
    });

    it('refuses a blob that is shorter than its header says', async () => {
      const bytes = await inflate(bytesOf(tensor.blobs[0]));
      expect(() => decodeStack(header, 0, bytes.subarray(1))).toThrow(
        /header says 3 × 2 × 3/,
      );
    });
  },
);

it('names a precision that it does not know', () => {
  const header = headerOf({ ...golden.tensors.uint8.header, precision: 'int4' });
  expect(() => decodeStack(header, 0, new Uint8Array(18))).toThrow(/int4/);
});

it('takes the ends of a range and the three special codes', () => {
  expect(codeToValue(0, -2, 3)).toBe(-2);
  expect(codeToValue(252, -2, 3)).toBe(3);
  expect(codeToValue(253, -2, 3)).toBe(Number.NEGATIVE_INFINITY);
  expect(codeToValue(254, -2, 3)).toBe(Number.POSITIVE_INFINITY);
  expect(codeToValue(255, -2, 3)).toBeNaN();
});

it('states the worst error of a code as half a code', async () => {
  const { blobs } = golden.tensors.uint8;
  const header = headerOf(golden.tensors.uint8.header);
  const stack = decodeStack(header, 0, await inflate(bytesOf(blobs[0])));
  expect(worstError(stack, 0)).toBeCloseTo(5 / 504, 12);
  expect(worstError(stack, 2)).toBe(0);
});

it('reads half floats: zeros, subnormals, one, the largest, and the special ones', () => {
  expect(halfToNumber(0x0000)).toBe(0);
  expect(halfToNumber(0x8000)).toBe(-0);
  expect(halfToNumber(0x0001)).toBe(2 ** -24);
  expect(halfToNumber(0x3c00)).toBe(1);
  expect(halfToNumber(0xc000)).toBe(-2);
  expect(halfToNumber(0x7bff)).toBe(65504);
  expect(halfToNumber(0x7c00)).toBe(Number.POSITIVE_INFINITY);
  expect(halfToNumber(0xfc00)).toBe(Number.NEGATIVE_INFINITY);
  expect(halfToNumber(0x7e00)).toBeNaN();
});

describe('a packed answer that Python wrote', () => {
  const buffer = bytesOf(golden.packed.bytes).buffer as ArrayBuffer;

  it('gives its JSON and its arrays', () => {
    const { json, payload } = unpack<typeof golden.packed.json>(buffer);
    expect(json).toEqual(golden.packed.json);
    const place = { ...json.table, dtype: 'float32' as const };
    expect([...arrayAt(payload, place)]).toEqual(golden.packed.table.map(jsonNumber));
  });

  it('is refused where it was cut short', () => {
    expect(() => unpack(buffer.slice(0, 3))).toThrow(/cut short/);
    expect(() => unpack(buffer.slice(0, 20))).toThrow(/cut short/);
    const { payload } = unpack(buffer);
    const place = { offset: 8, shape: [9], dtype: 'float32' as const };
    expect(() => arrayAt(payload, place)).toThrow(/cut short/);
  });
});

it('has the bins where Python has them', () => {
  const { counts, edges } = golden.histogram;
  expect(counts.length).toBe(HISTOGRAM_BINS);
  expect(edges.length).toBe(HISTOGRAM_BINS - 2);
  expect(counts[BIN_ZERO]).toBe(2);
  expect(counts[BIN_NAN]).toBe(1);
  expect(counts[BIN_POSITIVE_INF]).toBe(1);
  expect(counts[BIN_NEGATIVE_INF]).toBe(1);
  expect(counts[BIN_POSITIVE_BEYOND]).toBe(1);
  expect(counts[BIN_NEGATIVE_BEYOND]).toBe(1);
  expect(jsonNumber(edges[BIN_ZERO])).toBe(0);
  expect(jsonNumber(edges[BIN_POSITIVE_BEYOND - 1])).toBe(2 ** 16);
});
