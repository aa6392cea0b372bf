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
import { resource } from './resource';
import {
  axisSteps,
  evenIndices,
  firstLayer,
  isWeightKind,
  layerRows,
  mapKinds,
  ownName,
  stepIndexAt,
  tagSteps,
  tensorPaths,
  tensorTag,
} from './selection';
import {
  knownStack,
  loadHeaders,
  loadStack,
  loadStacks,
  type StackAt,
  stackKey,
} from './stacks';
import { state } from './state';
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

/** Index into `steps` of where the scrubber stands; -1 where there are none. */
export const stepIndex = computed(() => {
  const wanted = state.step.value;
  return wanted === null ? steps.value.length - 1 : stepIndexAt(steps.value, wanted);
});

export const step = computed<number | undefined>(() => steps.value[stepIndex.value]);

/** Row of the statistics table at the scrubber's step; -1 where there is none. */
export const statisticsIndex = computed(() => {
  const at = step.value;
  return at === undefined ? -1 : stepIndexAt(data.value?.statistics?.steps ?? [], at);
});

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

/** How many samples the run recorded. */
export const sampleCount = computed(() => data.value?.model.probe?.samples_recorded ?? 0);

export const sample = computed(() =>
  Math.max(0, Math.min(state.sample.value ?? 0, Math.max(1, sampleCount.value) - 1)),
);

/** Where a tag's record for the scrubber's step lies: the last one not after it. */
function stackAt(name: string | undefined, index: number): StackAt | undefined {
  const [known, at] = [data.value, step.value];
  if (!known || name === undefined || at === undefined) return undefined;
  const list = tagSteps(known.series, name);
  const i = stepIndexAt(list.steps, at);
  if (i < 0) return undefined;
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

const stackQuestion = computed(() =>
  state.view.value === 'maps'
    ? stackAt(tag.value, kind.value && isWeightKind(kind.value) ? 0 : sample.value)
    : undefined,
);

/** Neighbouring steps of what is shown, nearest first, for scrubbing to find ready. */
function neighbours(at: StackAt): StackAt[] {
  const known = data.value;
  if (!known || known.run !== at.run) return [];
  const list = tagSteps(known.series, at.tag);
  const here = list.steps.indexOf(at.step);
  const near: StackAt[] = [];
  for (let distance = 1; distance <= PREFETCH_STEPS; distance++) {
    for (const i of [here + distance, here - distance]) {
      if (list.steps[i] === undefined) continue;
      near.push({ ...at, step: list.steps[i], wallTime: list.wall_times[i] });
    }
  }
  return near.filter((one) => !knownStack(one));
}

export const stack = resource<StackAt, Stack>(stackQuestion, {
  key: stackKey,
  load: loadStack,
  peek: knownStack,
  keep: sameSeries,
  after: (at, _, signal) => {
    // Not while the reader is passing by: the request would only be in the way.
    setTimeout(() => {
      const near = signal.aborted ? [] : neighbours(at);
      // What can't be fetched now is asked for when it is needed.
      if (near.length > 0) loadStacks(near, signal).catch(() => undefined);
    }, 60);
  },
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

/** The probe's inputs, which are the same at every step. */
const inputsQuestion = computed<StackAt[] | undefined>(() => {
  const known = data.value;
  const inputs = known?.model.probe?.input_paths ?? [];
  if (!known || inputs.length === 0 || sampleCount.value === 0) return undefined;
  const name = tensorTag('input', inputs[0]);
  const list = tagSteps(known.series, name);
  if (list.steps.length === 0) return undefined;
  const at = {
    run: known.run,
    tag: name,
    step: list.steps[0],
    wallTime: list.wall_times[0],
  };
  return Array.from({ length: sampleCount.value }, (_, index) => ({ ...at, index }));
});

export const inputs = resource<StackAt[], Stack[]>(inputsQuestion, {
  key: (all) => all.map(stackKey).join(' '),
  load: loadStacks,
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

export const film = resource<StackAt[], Stack[]>(filmQuestion, {
  key: (all) => all.map(stackKey).join(' '),
  load: loadStacks,
  keep: (old, next) => old.length > 0 && next.length > 0 && sameSeries(old[0], next[0]),
});

interface RangesQuestion {
  run: string;
  tag: string;
  steps: number[];
}

// Two numbers a plane and step; more is a slow answer for a small chart.
const RANGES_NUMBERS = 60_000;

/** Ranges of the planes at many steps, for the chart of the selected tile. */
const rangesQuestion = computed<RangesQuestion | undefined>(() => {
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

/** The row that the histograms show. */
export const histogramRow = computed(() => {
  const wanted = state.tensor.value;
  return rows.value.find((row) => rowName(row) === wanted) ?? rows.value[0];
});

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
  load: ({ run, row }, signal) => getHistograms(run, [row], signal),
  keep: (old, next) => old.run === next.run && old.row === next.row,
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
