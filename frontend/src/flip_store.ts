/** The classes that the shown run predicts for its probe, and where they change. */
import { computed, effect, signal, untracked } from '@preact/signals';
import { getTensors } from './api';
import { ByteLru } from './cache';
import {
  findFlips,
  type Flip,
  type OutputKind,
  predictedClass,
  saysClasses,
} from './flips';
import { outputLayer, tagSteps, tensorTag } from './selection';
import { BLOBS_PER_ANSWER } from './stacks';
import { decodeStack, inflate } from './wire_format';
import { maps } from './maps_store';
import {
  data,
  histograms,
  outputPath,
  outputWords,
  sampleCount,
  samplesStay,
  step,
} from './store';

/** The records of the probe's output. */
interface OutputQuestion {
  run: string;
  tag: string;
  steps: number[];
  wallTimes: number[];
  samples: number;
  kind: OutputKind;
}

// TensorBoard's data server takes some 3 ms a blob; what the reader asks for meanwhile
// waits for no more than these.
const BLOBS_AT_ONCE = 64;
// The page comes first.
const WAIT_MS = 300;

/** By record, the class of each sample: a thousand records of eight samples are 32 KB. */
const classes = new ByteLru<Int32Array>(2 ** 20);
/** Counts what came, for a cache is no signal. */
const arrived = signal(0);

const question = computed<OutputQuestion | undefined>(() => {
  const known = data.value;
  const { labels, class_names } = outputWords.value;
  const path = outputPath.value;
  // Of other samples at each step, nothing changes its mind.
  if (!known || path === undefined || !samplesStay.value) return undefined;
  const tag = tensorTag('output', path);
  const { steps, wall_times } = tagSteps(known.series, tag);
  const of = outputLayer(known.model, path);
  return {
    run: known.run,
    tag,
    steps,
    wallTimes: wall_times,
    samples: Math.min(sampleCount.value, BLOBS_PER_ANSWER),
    kind: {
      activation: of?.activation ?? '',
      labelled: labels.length > 0 || class_names.length > 0,
    },
  };
});

/** The classes of a record; undefined where they are not known yet. */
function classesAt({ run, tag, steps, wallTimes }: OutputQuestion, i: number) {
  return classes.get(recordKey(run, tag, steps[i], wallTimes[i]));
}

function recordKey(run: string, tag: string, step: number, wallTime: number): string {
  return JSON.stringify([run, tag, step, wallTime]);
}

/** Changes of the predicted class in the shown run, as far as they are known. */
export const flips = computed<Flip[]>(() => {
  const asked = question.value;
  if (!asked || arrived.value < 0) return [];
  return findFlips(
    asked.steps,
    asked.steps.map((_, i) => classesAt(asked, i)),
  );
});

/** Those of the scrubber's step. */
export const flipsHere = computed(() =>
  flips.value.filter((flip) => flip.step === step.value),
);

/** Follows the outputs of the shown run, behind all that is on the page. */
export function startFlips(): () => void {
  let controller = new AbortController();
  const stop = effect(() => {
    const asked = question.value;
    controller.abort();
    controller = new AbortController();
    const { signal: abort } = controller;
    // What can't be fetched now is asked for again with the next record.
    if (asked) untracked(() => follow(asked, abort).catch(() => undefined));
  });
  return () => {
    stop();
    controller.abort();
  };
}

async function follow(asked: OutputQuestion, abort: AbortSignal): Promise<void> {
  const missing = [...asked.steps.keys()].filter((i) => !classesAt(asked, i));
  const atOnce = Math.max(1, Math.floor(BLOBS_AT_ONCE / (asked.samples + 1)));
  await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  for (let from = 0; from < missing.length; from += atOnce) {
    await pageIsDone();
    if (abort.aborted) return;
    const more = await load(asked, missing.slice(from, from + atOnce), abort);
    if (!more || abort.aborted) return;
    arrived.value++;
  }
}

/** Whether what was asked for is classes: else there is no more to ask. */
async function load(
  asked: OutputQuestion,
  records: readonly number[],
  abort: AbortSignal,
): Promise<boolean> {
  const { run, tag, kind } = asked;
  const step = records.map((i) => asked.steps[i]);
  const index = Array.from({ length: asked.samples }, (_, sample) => sample);
  const tensors = await getTensors({ run, tag, step, index }, abort);
  for (const { step, wallTime, header, blobs } of tensors) {
    if (!saysClasses(header, kind)) return false;
    const found = new Int32Array(blobs.size);
    for (const [sample, blob] of blobs) {
      found[sample] = predictedClass(decodeStack(header, sample, await inflate(blob)));
    }
    classes.set(recordKey(run, tag, step, wallTime), found, found.byteLength);
  }
  return true;
}

/** Resolves once nothing that the reader waits for is on its way. */
function pageIsDone(): Promise<void> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      if (maps.value.loading || histograms.value.loading) return;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}
