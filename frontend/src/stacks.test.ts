import { gzipSync } from 'node:zlib';
import { afterEach, expect, it, vi } from 'vitest';
import { isSettled, loadStack, loadStacks, SampleNotStored, type StackAt } from './stacks';
import { headerOf } from './testing';

/** Answers `tensors` with batches of these sizes by step; planes of one value. */
function serve(sizes: Record<number, number>): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (address: string) => {
    asked.push(address);
    const query = new URLSearchParams(address.split('?')[1]);
    const payload: number[] = [];
    const tensors = query.getAll('step').map((text) => {
      const [step, size] = [Number(text), sizes[Number(text)]];
      const low = Array<number>(size).fill(0);
      const blobs = query
        .getAll('index')
        .map(Number)
        .filter((index) => index < size)
        .map((index) => {
          const blob = gzipSync(Uint8Array.of(index));
          const place = { index, offset: payload.length, length: blob.length };
          payload.push(...blob);
          return place;
        });
      const header = headerOf({ step, blobs: size, low, high: low });
      return { step, wall_time: step, header, blobs };
    });
    const json = new TextEncoder().encode(JSON.stringify({ tensors }));
    const bytes = new Uint8Array(4 + json.length + payload.length);
    new DataView(bytes.buffer).setUint32(0, json.length, true);
    bytes.set(json, 4);
    bytes.set(payload, 4 + json.length);
    return new Response(bytes);
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

const { signal } = new AbortController();
const at = (run: string, step: number, index: number): StackAt => ({
  run,
  tag: 'activation/conv',
  step,
  wallTime: step,
  index,
});

it('gives what each batch has, and nothing for what a smaller one has not', async () => {
  const asked = serve({ 1: 6, 2: 3 });
  const wanted = [at('film', 1, 5), at('film', 2, 5)];
  const found = await loadStacks(wanted, signal);
  expect(found.map((stack) => stack?.codes[0])).toEqual([5, undefined]);
  expect(wanted.map(isSettled)).toEqual([true, true]);
  await loadStacks(wanted, signal);
  expect(asked).toHaveLength(1);
});

it('says how many samples there are where one is not stored', async () => {
  serve({ 7: 3 });
  const missing = loadStack(at('one', 7, 5), signal);
  await expect(missing).rejects.toThrow(SampleNotStored);
  await expect(missing).rejects.toMatchObject({ step: 7, index: 5, stored: 3 });
  expect((await loadStack(at('one', 7, 2), signal)).codes[0]).toBe(2);
});
