import { expect, it } from 'vitest';
import { GIF_END, gifFrame, gifHead, indexed, lzw } from './gif';

/** What a reader of LZW makes of it, after the specification of GIF89a. */
function unpacked(bytes: Uint8Array, codeBits: number): number[] {
  const [clear, end] = [1 << codeBits, (1 << codeBits) + 1];
  let place = 0;
  const read = (width: number) => {
    let code = 0;
    for (let bit = 0; bit < width; bit++, place++)
      code |= ((bytes[place >> 3] >> (place & 7)) & 1) << bit;
    return code;
  };
  const out: number[] = [];
  let table: number[][] = [];
  let width = 0;
  let before: number[] | undefined;
  for (;;) {
    const code = read(width || codeBits + 1);
    if (code === clear) {
      table = Array.from({ length: end + 1 }, (_, i) => [i]);
      width = codeBits + 1;
      before = undefined;
      continue;
    }
    if (code === end) return out;
    const entry: number[] = table[code] ?? [...(before ?? []), (before ?? [])[0]];
    if (before && table.length < 4096) table.push([...before, entry[0]]);
    if (table.length === 1 << width && width < 12) width++;
    out.push(...entry);
    before = entry;
  }
}

it('packs codes low bits first, and widens them when they no longer fit', () => {
  // Clear 100, one 001, two 110 (the first new code), two 110, end 101: from the right
  // 10 001 100 and then 0 101 110 1.
  const bytes = lzw(Uint8Array.of(1, 1, 1, 1, 1), 2);
  expect([...bytes].map((byte) => byte.toString(2).padStart(8, '0'))).toEqual([
    '10001100',
    '01011101',
  ]);
  expect(unpacked(bytes, 2)).toEqual([1, 1, 1, 1, 1]);
});

it('gives back what was packed, also where the table fills and is cleared', () => {
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647);
  for (const [length, codeBits] of [
    [1, 2],
    [2, 2],
    [40, 2],
    [3000, 4],
    [20000, 8],
  ]) {
    const indices = Uint8Array.from({ length }, () => random() % (1 << codeBits));
    expect(unpacked(lzw(indices, codeBits), codeBits)).toEqual([...indices]);
  }
  const flat = new Uint8Array(100_000);
  expect(unpacked(lzw(flat, 8), 8).length).toBe(flat.length);
  expect(lzw(flat, 8).length).toBeLessThan(1000);
});

it('keeps 256 colours, and draws rarer ones as the nearest', () => {
  const grays = Array.from({ length: 256 }, (_, i) => 0xff000000 | (i * 0x010101));
  const pixels = Uint32Array.from([...grays, ...grays, 0xff0505ff]);
  const { palette, indices } = indexed(pixels);
  expect(palette.length).toBe(256);
  expect(palette[indices[7]]).toBe(pixels[7]);
  // (255, 5, 5) is nearest to (88, 88, 88).
  expect(palette[indices[512]] & 0xff).toBe(88);
});

it('writes the blocks of a picture of two pixels', () => {
  expect([...gifHead(2, 1).subarray(0, 13)]).toEqual([
    ...new TextEncoder().encode('GIF89a'),
    ...[2, 0, 1, 0, 0x70, 0, 0],
  ]);
  const frame = gifFrame(Uint32Array.of(0xff0000ff, 0xff00ff00), 2, 1, 50);
  expect([...frame]).toEqual([
    ...[0x21, 0xf9, 4, 4, 50, 0, 0, 0],
    ...[0x2c, 0, 0, 0, 0, 2, 0, 1, 0, 0x80],
    // Red and green; then codes of two bits: clear, 0, 1, end, in 100 000 001 101.
    ...[255, 0, 0, 0, 255, 0, 2],
    ...[2, 0b01000100, 0b1010, 0],
  ]);
  expect([...GIF_END]).toEqual([0x3b]);
});
