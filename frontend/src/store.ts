/**
 * What the page knows: the runs, their models and series, and from the reader's
 * state what is asked for now. Everything here follows from `state` and the server.
 */
import { batch, computed, effect, signal } from '@preact/signals';
import {
  getHistograms,
  getModel,
  getRuns,
  getSeries,
  getStatistics,
  type ModelDescription,
  type RunEntry,
  type Series,
  type Statistics,
} from './api';
import { filmstripIndices } from './filmstrip';
import { recordedHistograms } from './histogram';
import { isAlive, looksBack, type Order, sortedChannels, sortKeys } from './order';
import { type Loaded, resource } from './resource';
import {
  axisSteps,
  evenIndices,
  firstLayer,
  isWeightKind,
  layerRows,
  mapKinds,
  type Nearby,
  nearbySteps,
  newestIndex as newestIndexOf,
  ownName,
  stepIndexAt,
  tagSteps,
  tensorPaths,
  tensorTag,
} from './selection';
import { isProbe } from './source';
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
import { lostRecords, stepsWithStatistics } from './statistics';
import type { Stack } from './wire_format';

// TensorBoard reads its files again every 5 s.
const POLL_MS = 5000;
const FILM_STEPS = 8;
// So many runs have their loss drawn until the reader chooses.
const RUNS_BESIDE = 5;
const PREFETCH_STEPS = 8;

export interface RunData {
  run: string;
  model: ModelDescription;
  series: Series;
  statistics: Statistics | undefined;
}

export const runs = signal<RunEntry[] | undefined>(undefined);
export const runsError = signal<Error | undefined>(undefined);

/** By run: what was loaded of it, or why it could not be. */
export const runData = signal<ReadonlyMap<string, RunData | Error>>(new Map());

/** The run whose maps are shown. */
export const primaryRun = computed<RunEntry | undefined>(() => {
  const all = runs.value ?? [];
  return (
    all.find(({ run }) => run === state.run.value) ??
    all.find(({ format_error }) => !format_error) ??
    all[0]
  );
});

/** Runs whose loss is drawn: the one shown, then those beside it. */
export const shownRuns = computed<string[]>(() => {
  const first = primaryRun.value?.run;
  const known = (runs.value ?? [])
    .filter(({ format_error }) => !format_error)
    .map(({ run }) => run);
  const wanted = state.beside.value ?? known.slice(0, RUNS_BESIDE);
  const beside = known.filter((run) => run !== first && wanted.includes(run));
  return first === undefined ? beside : [first, ...beside];
});

export const primary = computed<RunData | Error | undefined>(() => {
  const run = primaryRun.value;
  if (!run) return undefined;
  if (run.format_error) return new Error(run.format_error);
  return runData.value.get(run.run);
});

export const data = computed<RunData | undefined>(() =>
  primary.value instanceof Error ? undefined : primary.value,
);

export const steps = computed<number[]>(() =>
  data.value ? axisSteps(data.value.series) : [],
);

/** Index into `steps` of the one that is shown until the reader chooses; -1 of none. */
export const newestIndex = computed(() =>
  data.value ? newestIndexOf(steps.value, data.value.series) : -1,
);

/** Index into `steps` of where the scrubber stands; -1 where there are none. */
export const stepIndex = computed(() => {
  const wanted = state.step.value;
  return wanted === null ? newestIndex.value : stepIndexAt(steps.value, wanted);
});

export const step = computed<number | undefined>(() => steps.value[stepIndex.value]);

/** Place of the scrubber's step in the statistics table; -1 where it has none. */
export const statisticsIndex = computed(() => {
  const [at, known] = [step.value, data.value?.statistics?.steps ?? []];
  if (at === undefined) return -1;
  const i = stepIndexAt(known, at);
  return known[i] === at ? i : -1;
});

/** How many records were lost until the scrubber's step. */
export const lost = computed(() => {
  const [at, known] = [step.value, data.value];
  if (at === undefined || !known?.statistics) return 0;
  const { model, statistics } = known;
  return lostRecords(model, statistics, stepIndexAt(statistics.steps, at));
});

const statisticsSteps = computed(() => {
  const known = data.value;
  return known?.statistics ? stepsWithStatistics(known.model, known.statistics) : [];
});

/** Where the statistics nearest to the scrubber's step are; undefined of a run without. */
export const statisticsNearby = computed(() => nearby(statisticsSteps.value));

/** The steps next to the scrubber's, of those given; undefined where there is none. */
function nearby(among: readonly number[]): Nearby | undefined {
  const at = step.value;
  return at === undefined || among.length === 0 ? undefined : nearbySteps(among, at);
}

export const layer = computed(() => {
  const known = data.value;
  if (!known) return undefined;
  const wanted = state.layer.value;
  return (
    known.model.layers.find(({ path }) => path === wanted) ??
    firstLayer(known.model, known.series)
  );
});

export const kinds = computed(() =>
  data.value && layer.value ? mapKinds(layer.value, data.value.series) : [],
);

export const kind = computed(() =>
  kinds.value.includes(state.kind.value) ? state.kind.value : kinds.value[0],
);

/** Paths of the layer's tensors of this kind that have maps. */
export const paths = computed(() => {
  const [known, at, what] = [data.value, layer.value, kind.value];
  if (!known || !at || !what) return [];
  return tensorPaths(at, what).filter((path) => tensorTag(what, path) in known.series.tags);
});

export const path = computed<string | undefined>(() => {
  const all = paths.value;
  return all.find((one) => ownName(one) === state.part.value) ?? all[0];
});

export const tag = computed(() =>
  kind.value && path.value !== undefined ? tensorTag(kind.value, path.value) : undefined,
);

/** Whether the maps are of the same samples at every step; else samples don't compare. */
export const samplesStay = computed(() => isProbe(data.value?.model.maps_source ?? ''));

/** The label of a sample of the probe, where it is known. */
export function sampleLabel(index: number): number | undefined {
  return samplesStay.value ? data.value?.model.probe?.labels[index] : undefined;
}

interface HeadersQuestion {
  run: string;
  tag: string;
  steps: number[];
}

// Batches are of one size, but for the last of an epoch.
const BATCHES_ASKED = 32;

/** A tensor of each of some batches, where the description can't say how large they are. */
const batchesQuestion = computed<HeadersQuestion | undefined>(() => {
  const known = data.value;
  if (!known || samplesStay.value) return undefined;
  const { input_paths = [], output_paths = [] } = known.model.probe ?? {};
  const ends = [
    ...output_paths.map((path) => tensorTag('output', path)),
    ...input_paths.map((path) => tensorTag('input', path)),
  ];
  const tag = ends.find((one) => one in known.series.tags);
  if (tag === undefined) return undefined;
  const list = tagSteps(known.series, tag).steps;
  const steps = evenIndices(list.length, BATCHES_ASKED).map((i) => list[i]);
  return { run: known.run, tag, steps };
});

const batches = resource(batchesQuestion, {
  key: (question) => JSON.stringify(question),
  load: ({ run, tag, steps }, signal) => loadHeaders(run, tag, steps, signal),
  keep: (old, next) => old.run === next.run && old.tag === next.tag,
});

/** How many samples have maps: of the probe, or of the largest batch. */
export const sampleCount = computed(() =>
  samplesStay.value
    ? (data.value?.model.probe?.samples_recorded ?? 0)
    : Math.max(0, ...(batches.value.answer ?? []).map(({ blobs }) => blobs)),
);

export const sample = computed(() => {
  const wanted = Math.max(0, state.sample.value ?? state.samples.value?.[0] ?? 0);
  // Of a batch that is too small the page says so.
  return samplesStay.value ? Math.min(wanted, Math.max(1, sampleCount.value) - 1) : wanted;
});

/** The samples that are shown side by side, in order; the one in the details is of them. */
export const chosenSamples = computed<readonly number[]>(() => {
  const others = (state.samples.value ?? []).filter((index) => index < sampleCount.value);
  return [...new Set([sample.value, ...others])].sort((a, b) => a - b);
});

/** Whether a tensor's only record is of all steps: the probe's inputs never change. */
function holdsForAll(name: string): boolean {
  return samplesStay.value && name.startsWith('input/');
}

/** Where a tag's record for the scrubber's step lies; undefined where it has none. */
function stackAt(name: string | undefined, index: number): StackAt | undefined {
  const [known, at] = [data.value, step.value];
  if (!known || name === undefined || at === undefined) return undefined;
  const list = tagSteps(known.series, name);
  const i = stepIndexAt(list.steps, at);
  if (i < 0 || (list.steps[i] !== at && !holdsForAll(name))) return undefined;
  return {
    run: known.run,
    tag: name,
    step: list.steps[i],
    wallTime: list.wall_times[i],
    index,
  };
}

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

/** Where the maps nearest to the scrubber's step are; undefined where they hold for all. */
export const mapsNearby = computed(() => {
  const [known, name] = [data.value, tag.value];
  if (!known || name === undefined || holdsForAll(name)) return undefined;
  return nearby(tagSteps(known.series, name).steps);
});

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
  after: ({ shown }, _, signal) => {
    // Not while the reader is passing by: the request would only be in the way.
    setTimeout(() => {
      const near = signal.aborted ? [] : neighbours(shown);
      // What can't be fetched now is asked for when it is needed.
      if (near.length > 0) loadStacks(near, signal).catch(() => undefined);
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
  const outputs = data.value?.model.probe?.output_paths ?? [];
  return state.view.value === 'maps' && outputs.length > 0
    ? stackAt(tensorTag('output', outputs[0]), sample.value)
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

/** Rows of the tables that the layer has. */
export const rows = computed(() =>
  data.value && layer.value ? layerRows(layer.value, data.value.model.rows) : [],
);

/** The word for a row in the URL: its kind, with the tensor's own name if it has one. */
export function rowName(row: number): string {
  const entry = data.value?.model.rows[row];
  if (!entry) return '';
  return entry.path === entry.layer_path
    ? entry.kind
    : `${entry.kind}/${ownName(entry.path)}`;
}

/** Of some rows, the one that the histograms show: as wanted, or else of its kind. */
export function wantedRow(among: readonly number[]): number | undefined {
  const wanted = state.tensor.value;
  const [kind] = wanted.split('/');
  return (
    among.find((row) => rowName(row) === wanted) ??
    among.find((row) => data.value?.model.rows[row].kind === kind)
  );
}

/** The row that the histograms show. */
export const histogramRow = computed(() => wantedRow(rows.value) ?? rows.value[0]);

const histogramQuestion = computed(() => {
  const [known, row] = [data.value, histogramRow.value];
  if (state.view.value !== 'histograms' || !known || row === undefined) return undefined;
  if (known.series.histograms === null) return undefined;
  const kept = known.series.steps[known.series.histograms];
  return {
    run: known.run,
    row,
    last: kept?.wall_times.at(-1) ?? 0,
    count: kept?.steps.length ?? 0,
  };
});

export const histograms = resource(histogramQuestion, {
  key: (question) => JSON.stringify(question),
  load: async ({ run, row }, signal) =>
    recordedHistograms(await getHistograms(run, [row], signal)),
  keep: (old, next) => old.run === next.run && old.row === next.row,
});

/** Where the histograms nearest to the scrubber's step are. */
export const histogramsNearby = computed(() =>
  nearby(histograms.value.answer?.steps ?? []),
);

/** The steps that have what the view shows; all of them where it shows none. */
export const shownSteps = computed<readonly number[]>(() => {
  const [known, name] = [data.value, tag.value];
  let found: readonly number[] = [];
  if (state.view.value === 'overview') found = statisticsSteps.value;
  else if (state.view.value === 'histograms') found = histograms.value.answer?.steps ?? [];
  else if (known && name !== undefined && !holdsForAll(name)) {
    found = tagSteps(known.series, name).steps;
  }
  return found.length > 0 ? found : steps.value;
});

/** Keeps runs and series as new as the server's, until it is stopped. */
export function startLoading(): () => void {
  const controller = new AbortController();
  const { signal: abort } = controller;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const loading = new Set<string>();

  const store = (run: string, value: RunData | Error) => {
    runData.value = new Map(runData.peek()).set(run, value);
  };

  const loadRun = async (run: string) => {
    if (loading.has(run)) return;
    loading.add(run);
    const old = runData.peek().get(run);
    try {
      const series = await getSeries(run, abort);
      const unchanged =
        old &&
        !(old instanceof Error) &&
        JSON.stringify(old.series) === JSON.stringify(series);
      if (unchanged) return;
      const [model, statistics] = await Promise.all([
        getModel(run, abort),
        series.statistics === null ? undefined : getStatistics(run, abort),
      ]);
      store(run, { run, model, series, statistics });
    } catch (error) {
      // A passing failure leaves what is on the page; the first load says so.
      if (!abort.aborted && (!old || old instanceof Error)) store(run, toError(error));
    } finally {
      loading.delete(run);
    }
  };

  const poll = async () => {
    // TensorBoard keeps the frame alive, without a size, while another tab is shown.
    if (document.visibilityState === 'visible' && window.innerWidth > 0) {
      try {
        const fresh = (await getRuns(abort)).sort((a, b) =>
          a.run.localeCompare(b.run, 'en', { numeric: true }),
        );
        batch(() => {
          runsError.value = undefined;
          if (JSON.stringify(fresh) !== JSON.stringify(runs.peek())) runs.value = fresh;
        });
        await Promise.all(shownRuns.peek().filter(readable).map(loadRun));
      } catch (error) {
        if (!abort.aborted) runsError.value = toError(error);
      }
    }
    if (!abort.aborted) timer = setTimeout(poll, POLL_MS);
  };

  const stop = effect(() => {
    for (const run of shownRuns.value) {
      if (readable(run) && !runData.peek().has(run)) void loadRun(run);
    }
  });
  void poll();
  return () => {
    controller.abort();
    stop();
    clearTimeout(timer);
  };
}

function readable(run: string): boolean {
  return !runs.peek()?.find((entry) => entry.run === run)?.format_error;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
