/**
 * What the page knows: the runs, their models and series, and from the reader's
 * state what is asked for now. Everything here follows from `state` and the server.
 */
import { computed, signal } from '@preact/signals';
import {
  getHistograms,
  type ModelDescription,
  type RunEntry,
  type Series,
  type Statistics,
} from './api';
import { type ClassWords, NO_WORDS } from './flips';
import { formatCount } from './format';
import { recordedHistograms } from './histogram';
import { resource } from './resource';
import {
  axisSteps,
  evenIndices,
  firstLayer,
  heatmapSteps,
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
import { loadHeaders, type StackAt } from './stacks';
import { state } from './state';
import { lostRecords, stepsWithStatistics } from './statistics';

// So many runs have their loss drawn until the reader chooses.
const RUNS_BESIDE = 5;

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

/** What TensorBoard keeps of the recorded steps, and how to have all; empty if it does. */
export function keptText(): string {
  const [kept, written] = [steps.value.length, data.value?.series.records_written ?? 0];
  if (written <= kept) return '';
  const flag = '--samples_per_plugin=keract=0,keract_statistics=0,keract_histograms=0';
  return `TensorBoard keeps ${formatCount(kept)} of ${formatCount(written)} recorded steps. Start it with ${flag} to keep all.`;
}

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

/** The output whose predictions are shown and followed; undefined where there is none. */
export const outputPath = computed<string | undefined>(() => {
  const all = data.value?.model.probe?.output_paths ?? [];
  return all.find((path) => path === state.output.value) ?? all[0];
});

/** What classes of that output are called: labels and names are known of the first. */
export const outputWords = computed<ClassWords>(() => {
  const probe = data.value?.model.probe;
  return probe && outputPath.value === probe.output_paths[0] ? probe : NO_WORDS;
});

export interface HeadersQuestion {
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
export function stackAt(name: string | undefined, index: number): StackAt | undefined {
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

/** Where the maps nearest to the scrubber's step are; undefined where they hold for all. */
export const mapsNearby = computed(() => {
  const [known, name] = [data.value, tag.value];
  if (!known || name === undefined || holdsForAll(name)) return undefined;
  return nearby(tagSteps(known.series, name).steps);
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

/** Where the heatmaps nearest to the scrubber's step are; undefined of a run without. */
export const heatmapsNearby = computed(() =>
  nearby(data.value ? heatmapSteps(data.value.series) : []),
);

/** Whether what a view shows of this step is on its way; the player waits for it. */
export const viewLoading = signal(false);

/** The steps that have what the view shows; all of them where it shows none. */
export const shownSteps = computed<readonly number[]>(() => {
  const [known, name] = [data.value, tag.value];
  let found: readonly number[] = [];
  if (state.view.value === 'overview') found = statisticsSteps.value;
  else if (known && state.view.value === 'heatmaps') found = heatmapSteps(known.series);
  else if (state.view.value === 'histograms') found = histograms.value.answer?.steps ?? [];
  else if (known && name !== undefined && !holdsForAll(name)) {
    found = tagSteps(known.series, name).steps;
  }
  return found.length > 0 ? found : steps.value;
});
