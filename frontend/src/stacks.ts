/** Planes of samples, fetched, inflated and kept. */
import { getTensors } from './api';
import { ByteLru } from './cache';
import { decodeStack, inflate, type Stack, type TensorHeader } from './wire_format';

/** A record of a tensor. The wall time tells a rewritten step from the old one. */
export interface TensorAt {
  run: string;
  tag: string;
  step: number;
  wallTime: number;
}

export interface StackAt extends TensorAt {
  index: number;
}

/** A tensor whose record holds fewer samples: the batch of that step was smaller. */
export class SampleNotStored extends Error {
  constructor(
    readonly step: number,
    readonly index: number,
    /** How many there are. */
    readonly stored: number,
  ) {
    super(`Sample ${index} is not stored at step ${step}, which has ${stored}.`);
    this.name = 'SampleNotStored';
  }
}

// Inflated codes; a 64-channel layer of 28 x 28 is 50 KB, so thousands of steps fit.
const stacks = new ByteLru<Stack>(256 * 2 ** 20);

/** By key: that a sample is not stored, and how many are. */
const absent = new Map<string, number>();

// The server answers with at most this many blobs.
export const BLOBS_PER_ANSWER = 256;

export function stackKey({ run, tag, step, wallTime, index }: StackAt): string {
  return JSON.stringify([run, tag, step, wallTime, index]);
}

export function knownStack(at: StackAt): Stack | undefined {
  return stacks.get(stackKey(at));
}

/** Whether a request would bring nothing new. */
export function isSettled(at: StackAt): boolean {
  const key = stackKey(at);
  return stacks.has(key) || absent.has(key);
}

/** Throws `SampleNotStored` where the record has no such sample. */
export async function loadStack(at: StackAt, signal: AbortSignal): Promise<Stack> {
  const [stack] = await loadStacks([at], signal);
  if (stack) return stack;
  throw notStored(at);
}

/** What is to be thrown of a sample that a record has not. */
export function notStored(at: StackAt): SampleNotStored {
  return new SampleNotStored(at.step, at.index, absent.get(stackKey(at)) ?? 0);
}

/**
 * Stacks of one tag, in one request for those that are not there yet; undefined where
 * a record has no such sample.
 *
 * Throws where the server has one of them no more.
 */
export async function loadStacks(
  wanted: readonly StackAt[],
  signal: AbortSignal,
): Promise<(Stack | undefined)[]> {
  const missing = wanted.filter((at) => !isSettled(at)).slice(0, BLOBS_PER_ANSWER);
  const fresh = new Map<string, Stack>();
  if (missing.length > 0) {
    const { run, tag, wallTime } = missing[0];
    const step = [...new Set(missing.map((at) => at.step))];
    const index = [...new Set(missing.map((at) => at.index))];
    const tensors = await getTensors(
      { run, tag, step, index, wallTime: step.length === 1 ? wallTime : undefined },
      signal,
    );
    for (const { step, wallTime, header, blobs } of tensors) {
      for (const [index, blob] of blobs) {
        const decoded = decodeStack(header, index, await inflate(blob));
        const stack = { ...decoded, storedBytes: blob.length };
        const key = stackKey({ run, tag, step, wallTime, index });
        stacks.set(key, stack, stack.codes.byteLength);
        fresh.set(key, stack);
      }
      for (const one of index) {
        const key = stackKey({ run, tag, step, wallTime, index: one });
        if (one >= header.blobs) absent.set(key, header.blobs);
      }
    }
  }
  return wanted.map((at) => {
    const key = stackKey(at);
    const stack = fresh.get(key) ?? stacks.get(key);
    if (!stack && !absent.has(key)) {
      throw new Error(`Step ${at.step} of ${at.tag} is no longer there.`);
    }
    return stack;
  });
}

/** Headers of a tensor at several steps: the ranges of its planes, without the planes. */
export async function loadHeaders(
  run: string,
  tag: string,
  step: readonly number[],
  signal: AbortSignal,
): Promise<TensorHeader[]> {
  const tensors = await getTensors({ run, tag, step, index: [] }, signal);
  return tensors.map((tensor) => tensor.header);
}
