/** The maps that are shown: of one step or many, one sample or several, in their order. */
import { computed, signal } from '@preact/signals';
import { filmstripIndices } from './filmstrip';
import { isAlive, looksBack, type Order, sortedChannels, sortKeys } from './order';
import { type Loaded, resource } from './resource';
import { evenIndices, isWeightKind, stepIndexAt, tagSteps, tensorTag } from './selection';
import {
  BLOBS_PER_ANSWER,
  isSettled,
  knownStack,
  loadHeaders,
  loadStack,
  loadStacks,
  notStored,
  type StackAt,
  stackKey,
} from './stacks';
import { state } from './state';
import type { Stack } from './wire_format';
import {
  type HeadersQuestion,
  chosenSamples,
  data,
  kind,
  outputPath,
  sample,
  sampleCount,
  stackAt,
  tag,
} from './store';

const FILM_STEPS = 8;
const PREFETCH_STEPS = 8;
// Codes in one answer: taking in many megabytes at once would hold the page up.
const PREFETCH_BYTES = 4 * 2 ** 20;

const sameSeries = (old: StackAt, next: StackAt) =>
  old.run === next.run && old.tag === next.tag;

const isWeight = computed(() => kind.value !== undefined && isWeightKind(kind.value));

/** What the details are of. */
const stackQuestion = computed(() =>
  state.view.value === 'maps'
    ? stackAt(tag.value, isWeight.value ? 0 : sample.value)
    : undefined,
);

/** The maps on the page, in the order in which they are shown. */
interface MapsQuestion {
  shown: StackAt[];
  order: Order;
  /** The same samples at the step since which a change counts; none where there is none. */
  before: StackAt[];
}

interface MapsAnswer extends MapsQuestion {
  stacks: (Stack | undefined)[];
  stacksBefore: (Stack | undefined)[];
}

// Maps and what sorts them are one question, so that they never differ while loading.
const mapsQuestion = computed<MapsQuestion | undefined>(() => {
  const at = stackQuestion.value;
  if (!at) return undefined;
  const samples = isWeight.value ? [0] : chosenSamples.value;
  const shown = samples.map((index) => ({ ...at, index }));
  const order = state.order.value;
  const before = looksBack(order) ? stepBefore(at, order) : undefined;
  return {
    shown,
    order,
    before: before ? shown.map((one) => ({ ...one, ...before })) : [],
  };
});

/** The step since which a change counts: the pinned one, or the one before with maps. */
function stepBefore(
  at: StackAt,
  order: Order,
): Pick<StackAt, 'step' | 'wallTime'> | undefined {
  const known = data.value;
  if (!known) return undefined;
  const { steps, wall_times } = tagSteps(known.series, at.tag);
  const { pin } = state;
  const i =
    order === 'change'
      ? steps.indexOf(at.step) - 1
      : pin.value === null
        ? -1
        : stepIndexAt(steps, pin.value);
  return i >= 0 && steps[i] !== at.step
    ? { step: steps[i], wallTime: wall_times[i] }
    : undefined;
}

/** Neighbouring steps of what is shown, nearest first, for scrubbing to find ready. */
function neighbours(shown: readonly StackAt[]): StackAt[] {
  const known = data.value;
  const [at] = shown;
  if (!known || known.run !== at.run) return [];
  const list = tagSteps(known.series, at.tag);
  const here = list.steps.indexOf(at.step);
  const near: StackAt[] = [];
  for (let distance = 1; distance <= PREFETCH_STEPS; distance++) {
    for (const i of [here + distance, here - distance]) {
      if (list.steps[i] === undefined) continue;
      if (near.length + shown.length > BLOBS_PER_ANSWER) break;
      const [step, wallTime] = [list.steps[i], list.wall_times[i]];
      near.push(...shown.map((one) => ({ ...one, step, wallTime })));
    }
  }
  return near.filter((one) => !isSettled(one));
}

async function prefetch(
  near: readonly StackAt[],
  atOnce: number,
  signal: AbortSignal,
): Promise<void> {
  for (let i = 0; i < near.length; i += atOnce)
    await loadStacks(near.slice(i, i + atOnce), signal);
}

export const maps = resource<MapsQuestion, MapsAnswer>(mapsQuestion, {
  key: ({ shown, order, before }) =>
    JSON.stringify([order, [...shown, ...before].map(stackKey)]),
  load: async (question, signal) => {
    const wanted = [...question.shown, ...question.before];
    return mapsAnswer(question, await loadStacks(wanted, signal));
  },
  peek: (question) => {
    const wanted = [...question.shown, ...question.before];
    if (!wanted.every(isSettled)) return undefined;
    const stacks = wanted.map(knownStack);
    // Where the first is not stored, loading says so.
    return stacks[0] && mapsAnswer(question, stacks);
  },
  keep: (old, next) => sameSeries(old.shown[0], next.shown[0]),
  after: ({ shown }, { stacks }, signal) => {
    // Not while the reader is passing by: the request would only be in the way.
    setTimeout(() => {
      if (signal.aborted) return;
      const bytes = Math.max(1, ...stacks.map((one) => one?.codes.byteLength ?? 0));
      const atOnce = Math.max(shown.length, Math.floor(PREFETCH_BYTES / bytes));
      // What can't be fetched now is asked for when it is needed.
      prefetch(neighbours(shown), atOnce, signal).catch(() => undefined);
    }, 60);
  },
});

/** Throws `SampleNotStored` where the record has none of the samples. */
function mapsAnswer(
  question: MapsQuestion,
  found: readonly (Stack | undefined)[],
): MapsAnswer {
  const { shown } = question;
  const stacks = found.slice(0, shown.length);
  if (!stacks.some(Boolean)) throw notStored(shown[0]);
  return { ...question, stacks, stacksBefore: found.slice(shown.length) };
}

/** The maps on the page: of each chosen sample that is stored. */
export const shownStacks = computed<Stack[]>(() =>
  (maps.value.answer?.stacks ?? []).filter((one) => one !== undefined),
);

/** The maps of the sample in the details; another's where it is not stored. */
export const stack = computed<Loaded<StackAt, Stack>>(() => {
  const { loading, error } = maps.value;
  if (error) return { loading, error };
  const stored = shownStacks.value;
  const one = stored.find(({ index }) => index === sample.value) ?? stored[0];
  return one ? { answer: one, loading } : { loading };
});

/** How the maps on the page are sorted and filtered; undefined where there are none. */
export const channelOrder = computed(() => {
  const answer = maps.value.answer;
  if (!answer) return undefined;
  const stacks = shownStacks.value;
  const before = answer.stacksBefore.filter((_, i) => answer.stacks[i]);
  const keys = sortKeys(answer.order, stacks, before);
  const all = sortedChannels(keys, stacks[0].channels);
  const alive =
    state.filter.value === 'alive' ? all.filter((one) => isAlive(stacks, one)) : all;
  return {
    order: answer.order,
    keys,
    since: answer.before[0]?.step,
    channels: alive,
    hidden: all.length - alive.length,
  };
});

/** The probe's outputs at this step, for the sample that is shown. */
const outputQuestion = computed(() => {
  const path = outputPath.value;
  return state.view.value === 'maps' && path !== undefined
    ? stackAt(tensorTag('output', path), sample.value)
    : undefined;
});

export const output = resource<StackAt, Stack>(outputQuestion, {
  key: stackKey,
  load: loadStack,
  peek: knownStack,
  keep: sameSeries,
});

/** The inputs: the probe's, which are the same at every step, or this step's. */
const inputsQuestion = computed<StackAt[] | undefined>(() => {
  const inputs = data.value?.model.probe?.input_paths ?? [];
  if (inputs.length === 0 || sampleCount.value === 0) return undefined;
  const at = stackAt(tensorTag('input', inputs[0]), 0);
  return at && Array.from({ length: sampleCount.value }, (_, index) => ({ ...at, index }));
});

export const inputs = resource<StackAt[], (Stack | undefined)[]>(inputsQuestion, {
  key: (all) => all.map(stackKey).join(' '),
  load: loadStacks,
  keep: (old, next) => sameSeries(old[0], next[0]),
});

/** The channel that the details show: the selected one, or the only one. */
export const selectedChannel = computed<number | null>(() => {
  const channels = stack.value.answer?.channels ?? 0;
  if (channels === 1) return 0;
  const chosen = state.tile.value;
  return chosen !== null && chosen < channels ? chosen : null;
});

/** The selected tile at a few steps, evenly over the run. */
const filmQuestion = computed<StackAt[] | undefined>(() => {
  const at = stackQuestion.value;
  const known = data.value;
  if (!at || !known || selectedChannel.value === null) return undefined;
  const list = tagSteps(known.series, at.tag);
  return evenIndices(list.steps.length, FILM_STEPS).map((i) => ({
    ...at,
    step: list.steps[i],
    wallTime: list.wall_times[i],
  }));
});

export const film = resource<StackAt[], (Stack | undefined)[]>(filmQuestion, {
  key: (all) => all.map(stackKey).join(' '),
  load: loadStacks,
  keep: (old, next) => old.length > 0 && next.length > 0 && sameSeries(old[0], next[0]),
});

/** How many steps fit side by side; the view says so. */
export const filmstripColumns = signal(0);

/** The sample in the details at the steps of the filmstrip. */
const filmstripQuestion = computed<StackAt[] | undefined>(() => {
  const [at, known, columns] = [stackQuestion.value, data.value, filmstripColumns.value];
  if (!at || !known || columns === 0 || state.arrangement.value !== 'filmstrip')
    return undefined;
  const { steps, wall_times } = tagSteps(known.series, at.tag);
  const here = steps.indexOf(at.step);
  return filmstripIndices(steps.length, columns, here).map((i) => ({
    ...at,
    step: steps[i],
    wallTime: wall_times[i],
  }));
});

export const filmstrip = resource<StackAt[], (Stack | undefined)[]>(filmstripQuestion, {
  key: (all) => all.map(stackKey).join(' '),
  load: loadStacks,
  peek: (all) => (all.every(isSettled) ? all.map(knownStack) : undefined),
  keep: (old, next) => sameSeries(old[0], next[0]),
});

// Two numbers a plane and step; more is a slow answer for a small chart.
const RANGES_NUMBERS = 60_000;

/** Ranges of the planes at many steps, for the chart of the selected tile. */
const rangesQuestion = computed<HeadersQuestion | undefined>(() => {
  const at = stackQuestion.value;
  const known = data.value;
  const header = stack.value.answer?.header;
  if (!at || !known || !header || selectedChannel.value === null) return undefined;
  const list = tagSteps(known.series, at.tag).steps;
  const affordable = Math.floor(RANGES_NUMBERS / (2 * header.low.length || 1));
  const count = Math.min(64, affordable);
  if (count < 3) return undefined;
  return {
    run: at.run,
    tag: at.tag,
    steps: evenIndices(list.length, count).map((i) => list[i]),
  };
});

export const ranges = resource(rangesQuestion, {
  key: (question) => JSON.stringify(question),
  load: ({ run, tag, steps }, signal) => loadHeaders(run, tag, steps, signal),
  keep: (old, next) => old.run === next.run && old.tag === next.tag,
});
