/** Animated GIFs, frame by frame: exact colours, up to 256 of them a frame. Pure. */

/** Pixels are four bytes as ImageData has them, read as one little-endian number. */
export interface Indexed {
  /** Up to 256 pixels. */
  palette: number[];
  /** Place in the palette of each pixel. */
  indices: Uint8Array;
}

const MOST_COLORS = 256;

/**
 * The colours of a picture and where they are. Of more than a palette holds the rarest
 * are drawn as the nearest of the others.
 */
export function indexed(pixels: Uint32Array): Indexed {
  const counts = new Map<number, number>();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  let palette = [...counts.keys()];
  if (palette.length > MOST_COLORS) {
    palette.sort((a, b) => (counts.get(b) ?? 0) - (counts.get(a) ?? 0));
    palette = palette.slice(0, MOST_COLORS);
  }
  const places = new Map(palette.map((pixel, i) => [pixel, i]));
  for (const pixel of counts.keys()) {
    if (!places.has(pixel)) places.set(pixel, nearest(pixel, palette));
  }
  return { palette, indices: Uint8Array.from(pixels, (pixel) => places.get(pixel) ?? 0) };
}

function nearest(pixel: number, palette: readonly number[]): number {
  const channel = (of: number, i: number) => (of >> (8 * i)) & 0xff;
  const distances = palette.map((one) =>
    [0, 1, 2].reduce((sum, i) => sum + (channel(one, i) - channel(pixel, i)) ** 2, 0),
  );
  return distances.indexOf(Math.min(...distances));
}

/** What comes before the frames; they are repeated for ever. */
export function gifHead(width: number, height: number): Uint8Array {
  return Uint8Array.of(
    ...ascii('GIF89a'),
    ...word(width),
    ...word(height),
    // Eight bits a colour, without a palette for all frames.
    ...[0x70, 0, 0],
    ...[0x21, 0xff, 11, ...ascii('NETSCAPE2.0'), 3, 1, ...word(0), 0],
  );
}

export const GIF_END = Uint8Array.of(0x3b);

/** One frame with a palette of its own, shown for so many hundredths of a second. */
export function gifFrame(
  pixels: Uint32Array,
  width: number,
  height: number,
  hundredths: number,
): Uint8Array {
  const { palette, indices } = indexed(pixels);
  // A palette has 2, 4, …, 256 entries, codes at least two bits.
  const bits = Math.max(1, Math.ceil(Math.log2(palette.length)));
  const codeBits = Math.max(2, bits);
  const colors = new Uint8Array(3 << bits);
  palette.forEach((pixel, i) => {
    colors.set([pixel & 0xff, (pixel >> 8) & 0xff, (pixel >> 16) & 0xff], 3 * i);
  });
  const head = [
    ...[0x21, 0xf9, 4, 0x04, ...word(hundredths), 0, 0],
    ...[0x2c, ...word(0), ...word(0), ...word(width), ...word(height), 0x80 | (bits - 1)],
  ];
  const data = blocks(lzw(indices, codeBits));
  const frame = new Uint8Array(head.length + colors.length + 1 + data.length);
  frame.set(head);
  frame.set(colors, head.length);
  frame[head.length + colors.length] = codeBits;
  frame.set(data, head.length + colors.length + 1);
  return frame;
}

const MOST_CODES = 4096;

/**
 * Lempel, Ziv and Welch's compression as GIF has it: codes grow from `codeBits + 1` to
 * 12 bits, low bits first; a full table is cleared.
 */
export function lzw(indices: Uint8Array, codeBits: number): Uint8Array {
  const clear = 1 << codeBits;
  const end = clear + 1;
  /** By prefix and index the code of the two; 0 is none, for codes begin after `end`. */
  const table = new Uint16Array(MOST_CODES << 8);
  let [next, width] = [end + 1, codeBits + 1];
  // Each pixel is one code at most, and at most one of 4096 is a clear.
  const bytes = new Uint8Array(Math.ceil(1.51 * indices.length) + 16);
  let [length, buffer, held] = [0, 0, 0];
  const emit = (code: number) => {
    buffer |= code << held;
    for (held += width; held >= 8; held -= 8) {
      bytes[length++] = buffer & 0xff;
      buffer >>>= 8;
    }
  };
  emit(clear);
  let prefix = indices[0];
  for (let i = 1; i < indices.length; i++) {
    const key = (prefix << 8) | indices[i];
    if (table[key] > 0) {
      prefix = table[key];
      continue;
    }
    emit(prefix);
    if (next < MOST_CODES) {
      table[key] = next++;
      if (next > 1 << width) width++;
    } else {
      emit(clear);
      table.fill(0);
      [next, width] = [end + 1, codeBits + 1];
    }
    prefix = indices[i];
  }
  emit(prefix);
  // Here a reader has a code as many as the writer, and has widened them already.
  if (next === 1 << width && width < 12) width++;
  emit(end);
  if (held > 0) bytes[length++] = buffer & 0xff;
  return bytes.subarray(0, length);
}

/** Bytes in blocks of up to 255, each after its length; an empty one ends them. */
function blocks(bytes: Uint8Array): Uint8Array {
  const count = Math.ceil(bytes.length / 255);
  const out = new Uint8Array(bytes.length + count + 1);
  for (let i = 0; i < count; i++) {
    const block = bytes.subarray(255 * i, 255 * (i + 1));
    out[256 * i] = block.length;
    out.set(block, 256 * i + 1);
  }
  return out;
}

function word(value: number): [number, number] {
  return [value & 0xff, value >> 8];
}

function ascii(text: string): number[] {
  return [...text].map((letter) => letter.charCodeAt(0));
}
