/** The heatmaps on the page: by which methods, of which samples, at which steps. */
import { computed, effect, signal } from '@preact/signals';
import { versusRun, versusStep } from './compare_store';
import { filmstripIndices } from './filmstrip';
import { methodOrder } from './methods';
import { resource } from './resource';
import { evenIndices, heatmapTags, stepIndexAt, tagSteps, tensorTag } from './selection';
import {
  BLOBS_PER_ANSWER,
  isSettled,
  knownStack,
  loadHeaders,
  loadStacks,
  type StackAt,
  stackKey,
} from './stacks';
import { state } from './state';
import { data, type RunData, sample, sampleCount, step, viewLoading } from './store';
import type { Stack, TensorHeader } from './wire_format';

/** So many samples are shown until the reader chooses. */
const ROWS = 12;
/** A longer history is a slow answer for a small chart. */
const HISTORY_STEPS = 256;
const PREFETCH_STEPS = 4;

export function pathOf(tag: string): string {
  return tag.slice(tag.indexOf('/') + 1);
}

/** The paths of all heatmaps of the run. */
export const allMethods = computed<string[]>(() =>
  data.value ? methodOrder(heatmapTags(data.value.series).map(pathOf)) : [],
);

/** Those that are shown; all of them where none of the chosen ones is there. */
export const shownMethods = computed<string[]>(() => {
  const wanted = state.methods.value;
  const found = allMethods.value.filter((path) => wanted?.includes(path));
  return found.length > 0 ? found : allMethods.value;
});

/** The method that is shown over steps, sample by sample. */
export const filmMethod = computed<string | undefined>(() => {
  const all = shownMethods.value;
  return all.find((path) => path === state.method.value) ?? all[0];
});

/** The samples that are shown. */
export const shownRows = computed<number[]>(() => {
  const count = sampleCount.value;
  const wanted = (state.rows.value ?? []).filter((index) => index < count);
  const all = Array.from({ length: Math.min(ROWS, count) }, (_, index) => index);
  return wanted.length > 0 ? [...new Set(wanted)].sort((a, b) => a - b) : all;
});

/** The run and step on the page, and where they are compared those beside them. */
export interface Side {
  known: RunData;
  step: number;
  /** "A", "B"; empty where nothing is compared. */
  name: string;
}

export const sides = computed<Side[]>(() => {
  const [known, at] = [data.value, step.value];
  if (!known || at === undefined) return [];
  const other = versusStep.value;
  const versus = versusRun.value;
  if (!state.compare.value || !versus || other === undefined)
    return [{ known, step: at, name: '' }];
  return [
    { known, step: at, name: 'A' },
    { known: versus, step: other, name: 'B' },
  ];
});

/** Where a tag has its record of exactly this step; of an input, of this one or before. */
function locate(
  { run, series }: RunData,
  tag: string,
  at: number,
  index: number,
): StackAt | undefined {
  const { steps, wall_times } = tagSteps(series, tag);
  const i = stepIndexAt(steps, at);
  if (i < 0 || (steps[i] !== at && !tag.startsWith('input/'))) return undefined;
  return { run, tag, step: steps[i], wallTime: wall_times[i], index };
}

/** The tag of the input that a heatmap lies on; undefined where none is recorded. */
export function inputTag(known: RunData, header: TensorHeader): string | undefined {
  const { tags } = known.series;
  const candidates = header.explanation.method
    ? [header.explanation.input_path]
    : [header.path, ...(known.model.probe?.input_paths ?? [])];
  return candidates.map((path) => tensorTag('input', path)).find((tag) => tag in tags);
}

/** Heatmaps of a method at a step, [sample], and where they are. */
interface HeatQuestion {
  known: RunData;
  side: string;
  path: string;
  at: StackAt[];
}

/** Heatmaps with what they lie on. */
export interface HeatColumn extends HeatQuestion {
  stacks: (Stack | undefined)[];
  inputs: (Stack | undefined)[];
}

function inputsOf({ known, at }: HeatQuestion, header: TensorHeader | undefined) {
  const tag = header && inputTag(known, header);
  if (tag === undefined) return at.map(() => undefined);
  return at.map(({ step, index }) => locate(known, tag, step, index));
}

interface GridQuestion {
  columns: HeatQuestion[];
  /** Of each side, the outputs of the samples. */
  outputs: (StackAt | undefined)[][];
  rows: number[];
  sides: Side[];
}

interface GridAnswer {
  columns: HeatColumn[];
  outputs: (Stack | undefined)[][];
  rows: number[];
  sides: Side[];
}

function gridAt(places: readonly Side[], paths: readonly string[], rows: number[]) {
  // Column by column, so that A and B of a method stand side by side.
  const columns = paths.flatMap((path) =>
    places.flatMap(({ known, step, name }) => {
      const at = rows.map((index) =>
        locate(known, tensorTag('heatmap', path), step, index),
      );
      return at[0] ? [{ known, side: name, path, at: at as StackAt[] }] : [];
    }),
  );
  const outputs = places.map(({ known, step }) => {
    const path = known.model.probe?.output_paths[0];
    return rows.map((index) =>
      path === undefined
        ? undefined
        : locate(known, tensorTag('output', path), step, index),
    );
  });
  return columns.length > 0 ? { columns, outputs, rows, sides: [...places] } : undefined;
}

const isShown = computed(() => state.view.value === 'heatmaps');

const gridQuestion = computed<GridQuestion | undefined>(() =>
  isShown.value && shownRows.value.length > 0
    ? gridAt(sides.value, shownMethods.value, shownRows.value)
    : undefined,
);

const columnKey = ({ at }: HeatQuestion) => at.map(stackKey).join(' ');

export const grid = resource<GridQuestion, GridAnswer>(gridQuestion, {
  key: ({ columns, outputs }) =>
    JSON.stringify([
      columns.map(columnKey),
      outputs.flat().map((at) => at && stackKey(at)),
    ]),
  load: loadGrid,
  peek: (question) => {
    if (!question.columns.every(({ at }) => at.every(isSettled))) return undefined;
    if (!question.outputs.flat().every((at) => !at || isSettled(at))) return undefined;
    const columns: HeatColumn[] = [];
    for (const column of question.columns) {
      const stacks = column.at.map(knownStack);
      const wanted = inputsOf(column, stacks.find(Boolean)?.header);
      if (!wanted.every((at) => !at || isSettled(at))) return undefined;
      columns.push({ ...column, stacks, inputs: wanted.map((at) => at && knownStack(at)) });
    }
    const outputs = question.outputs.map((all) => all.map((at) => at && knownStack(at)));
    return { ...question, columns, outputs };
  },
  keep: (old, next) => old.sides[0].known.run === next.sides[0].known.run,
  after: ({ rows, sides }, _, signal) => {
    setTimeout(() => {
      if (!signal.aborted) prefetch(sides[0], rows, signal).catch(() => undefined);
    }, 60);
  },
});

async function loadGrid(question: GridQuestion, signal: AbortSignal): Promise<GridAnswer> {
  const [columns, outputs] = await Promise.all([
    Promise.all(question.columns.map((column) => loadColumn(column, signal))),
    Promise.all(question.outputs.map((all) => loadSome(all, signal))),
  ]);
  return { ...question, columns, outputs };
}

async function loadColumn(column: HeatQuestion, signal: AbortSignal): Promise<HeatColumn> {
  const stacks = await loadSome(column.at, signal);
  const inputs = await loadSome(inputsOf(column, stacks.find(Boolean)?.header), signal);
  return { ...column, stacks, inputs };
}

/** Stacks of one tag, some of which are nowhere; in as many requests as they need. */
async function loadSome(
  wanted: readonly (StackAt | undefined)[],
  signal: AbortSignal,
): Promise<(Stack | undefined)[]> {
  const there = wanted.filter((at) => at !== undefined);
  const indices = new Set(there.map(({ index }) => index)).size;
  const steps = [...new Set(there.map((at) => at.step))];
  const atOnce = Math.max(1, Math.floor(BLOBS_PER_ANSWER / Math.max(1, indices)));
  const found = new Map<StackAt, Stack | undefined>();
  for (let i = 0; i < steps.length; i += atOnce) {
    const part = new Set(steps.slice(i, i + atOnce));
    const some = there.filter((at) => part.has(at.step));
    (await loadStacks(some, signal)).forEach((stack, j) => found.set(some[j], stack));
  }
  return wanted.map((at) => at && found.get(at));
}

/** The steps beside this one, nearest first, for scrubbing to find ready. */
async function prefetch(side: Side, rows: number[], signal: AbortSignal): Promise<void> {
  const tag = tensorTag('heatmap', shownMethods.value[0] ?? '');
  const { steps } = tagSteps(side.known.series, tag);
  const here = steps.indexOf(side.step);
  for (let distance = 1; distance <= PREFETCH_STEPS; distance++) {
    for (const i of [here + distance, here - distance]) {
      if (signal.aborted || steps[i] === undefined) continue;
      const near = gridAt([{ ...side, step: steps[i] }], shownMethods.value, rows);
      if (near) await loadGrid(near, signal);
    }
  }
}

/** How many steps fit side by side; the view says so. */
export const filmColumns = signal(0);

/** A row of a film: a sample by a method, at some steps. */
interface FilmQuestion {
  rows: HeatQuestion[];
  steps: number[];
}

export interface HeatFilm {
  rows: HeatColumn[];
  steps: number[];
}

const filmQuestion = computed<FilmQuestion | undefined>(() => {
  const [known, mode, fit] = [data.value, state.heatmaps.value, filmColumns.value];
  if (!known || !isShown.value || mode === 'grid' || fit === 0) return undefined;
  const one = filmMethod.value;
  if (one === undefined) return undefined;
  const paths = mode === 'methods' ? shownMethods.value : [one];
  const samples = mode === 'methods' ? [sample.value] : shownRows.value;
  const all = tagSteps(known.series, tensorTag('heatmap', paths[0])).steps;
  const here = all.indexOf(step.value ?? -1);
  const steps = filmstripIndices(all.length, fit, here).map((i) => all[i]);
  const rows = paths.flatMap((path) =>
    samples.map((index) => ({
      known,
      side: '',
      path,
      at: steps.flatMap((at) => locate(known, tensorTag('heatmap', path), at, index) ?? []),
    })),
  );
  return { rows, steps };
});

export const film = resource<FilmQuestion, HeatFilm>(filmQuestion, {
  key: ({ rows }) => JSON.stringify(rows.map(columnKey)),
  load: async ({ rows, steps }, signal) => ({
    steps,
    rows: await Promise.all(rows.map((row) => loadColumn(row, signal))),
  }),
  keep: (old, next) => old.rows[0]?.known.run === next.rows[0]?.known.run,
});

/** The heatmap that the details show: a path that is there, of the chosen sample. */
export const openHeat = computed<string | undefined>(() =>
  allMethods.value.find((path) => path === state.heat.value),
);

interface HistoryQuestion {
  run: string;
  tag: string;
  steps: number[];
}

/** Headers over steps: ranges and scores, without the maps. */
const historyQuestion = computed<HistoryQuestion[] | undefined>(() => {
  const wide = state.range.value === 'steps';
  const paths = new Set(wide ? shownMethods.value : []);
  if (openHeat.value !== undefined) paths.add(openHeat.value);
  if (!isShown.value || paths.size === 0) return undefined;
  return sides.value.flatMap(({ known: { run, series } }) =>
    [...paths].flatMap((path) => {
      const tag = tensorTag('heatmap', path);
      const { steps } = tagSteps(series, tag);
      const chosen = evenIndices(steps.length, HISTORY_STEPS).map((i) => steps[i]);
      return chosen.length > 0 ? [{ run, tag, steps: chosen }] : [];
    }),
  );
});

const historyKey = (run: string, path: string) => JSON.stringify([run, path]);

const histories = resource(historyQuestion, {
  key: (question) => JSON.stringify(question),
  load: async (question, signal) => {
    const found = await Promise.all(
      question.map(({ run, tag, steps }) => loadHeaders(run, tag, steps, signal)),
    );
    return new Map(
      question.map(({ run, tag }, i) => [historyKey(run, pathOf(tag)), found[i]]),
    );
  },
  keep: () => true,
});

/** The headers of a method over steps, once they are there. */
export function historyOf(run: string, path: string): TensorHeader[] {
  return histories.value.answer?.get(historyKey(run, path)) ?? [];
}

/** The greatest |value| of a method over the samples and steps of all sides. */
export function greatestOverSteps(path: string): number | undefined {
  const all = sides.value.flatMap(({ known }) => historyOf(known.run, path));
  if (all.length === 0) return undefined;
  let top = 0;
  for (const { low, high } of all)
    for (const value of [...low, ...high])
      if (Number.isFinite(value)) top = Math.max(top, Math.abs(value));
  return top;
}

// As long as the page lives: what plays waits for what this view shows.
effect(() => {
  viewLoading.value = grid.value.loading || film.value.loading;
});
