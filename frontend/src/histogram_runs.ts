/** Which rows of which runs the histograms show, and what is asked for of them. */
import { computed } from '@preact/signals';
import { listedLayers } from './actions';
import { placeOf, placesOf } from './alignment';
import { getHistograms, type Histograms } from './api';
import { recordedHistograms } from './histogram';
import type { RunRow } from './histogram_chart';
import { resource } from './resource';
import { KINDS, type Kind, layerRows, rowOf } from './selection';
import { type HISTOGRAM_MODES, state } from './state';
import { statisticOverSteps } from './statistics';
import {
  data,
  histogramRow,
  histograms,
  type RunData,
  runData,
  runs,
  shownRuns,
  wantedRow,
} from './store';

/** What a run beside the one shown has of the same tensor. */
export interface Partner {
  run: string;
  known: RunData | undefined;
  /** Row of the run's own tables; −1 where it has none such. */
  row: number;
}

/** By kind and path: rows are numbered anew in each run. */
export const partners = computed<Partner[]>(() => {
  const [known, row] = [data.value, histogramRow.value];
  if (!known || row === undefined || state.view.value !== 'histograms') return [];
  const { kind, path } = known.model.rows[row];
  return shownRuns.value.slice(1).flatMap((run): Partner[] => {
    const beside = runData.value.get(run);
    // Still on its way.
    if (!beside) return [];
    if (beside instanceof Error) return [{ run, known: undefined, row: -1 }];
    return [{ run, known: beside, row: rowOf(beside.model.rows, kind, path) }];
  });
});

interface RowsQuestion {
  run: string;
  rows: number[];
  /** What changes when there are new records. */
  last: number;
  count: number;
}

/** What to ask for rows of a run; undefined where it has no histograms. */
export function rowsQuestion(
  { run, series }: RunData,
  rows: number[],
): RowsQuestion | undefined {
  if (series.histograms === null || rows.length === 0) return undefined;
  const kept = series.steps[series.histograms];
  return {
    run,
    rows,
    last: kept?.wall_times.at(-1) ?? 0,
    count: kept?.steps.length ?? 0,
  };
}

const partnersQuestion = computed(() => {
  const all = partners.value.flatMap(({ known, row }) => {
    const question = known && row >= 0 ? rowsQuestion(known, [row]) : undefined;
    return question ? [question] : [];
  });
  return all.length > 0 && state.scope.value === 'layer' ? all : undefined;
});

/** Histograms of the partners, those that have any. */
const partnerHistograms = resource(partnersQuestion, {
  key: (all) => JSON.stringify(all),
  load: (all, signal) =>
    Promise.all(
      all.map(async ({ run, rows }) => ({
        run,
        histograms: recordedHistograms(await getHistograms(run, rows, signal)),
      })),
    ),
  keep: (old, next) =>
    next.every(({ run, rows }) =>
      old.every((one) => one.run !== run || one.rows[0] === rows[0]),
    ),
});

/** The rows that are drawn: of the run that is shown, then of those beside it. */
export const runRows = computed<RunRow[]>(() => {
  const [known, row, { answer }] = [data.value, histogramRow.value, histograms.value];
  if (!known || row === undefined || !answer || answer.steps.length === 0) return [];
  const beside = partners.value.flatMap(({ run, known, row }) => {
    const found = partnerHistograms.value.answer?.find((one) => one.run === run);
    return known && row >= 0 && found && found.histograms.steps.length > 0
      ? [runRow(known, row, found.histograms)]
      : [];
  });
  return [runRow(known, row, answer), ...beside];
});

/** Whether histograms of runs beside the one shown are on their way, or could not be had. */
export const partnersLoading = computed(() => partnerHistograms.value.loading);
export const partnersError = computed(() => partnerHistograms.value.error);

/** A row of a run with its histograms, and its extremes at their steps. */
export function runRow(known: RunData, row: number, histograms: Histograms): RunRow {
  const index = (runs.value ?? []).findIndex(({ run }) => run === known.run);
  return {
    run: known.run,
    index,
    row,
    histograms,
    places: placesAt(known, histograms.steps),
    lows: atSteps(known, row, 'min', histograms.steps),
    highs: atSteps(known, row, 'max', histograms.steps),
  };
}

function placesAt({ statistics }: RunData, steps: readonly number[]): readonly number[] {
  if (!statistics || statistics.steps.length === 0) return steps;
  const places = placesOf(statistics, state.align.value);
  return steps.map((step) => placeOf(places, step));
}

function atSteps(
  { model, statistics }: RunData,
  row: number,
  name: string,
  steps: readonly number[],
): Float64Array {
  if (!statistics) return new Float64Array(steps.length).fill(Number.NaN);
  const values = statisticOverSteps(model, statistics, row, name);
  const places = new Map(statistics.steps.map((step, i) => [step, i]));
  return Float64Array.from(steps, (step) => values[places.get(step) ?? -1] ?? Number.NaN);
}

/** The kinds that any layer's rows are of. */
export const rowKinds = computed<Kind[]>(() => {
  const found = new Set(data.value?.model.rows.map(({ kind }) => kind));
  return KINDS.filter((kind) => found.has(kind));
});

/** Of what kind the small charts of all layers are. */
export const gridKind = computed<Kind | undefined>(() => {
  const known = data.value;
  const row = histogramRow.value;
  const [wanted] = state.tensor.value.split('/');
  return (
    rowKinds.value.find((kind) => kind === wanted) ??
    rowKinds.value.find(
      (kind) => row !== undefined && kind === known?.model.rows[row].kind,
    ) ??
    rowKinds.value[0]
  );
});

/** A row for each listed layer that has one of this kind, in the order of the model. */
export const gridRows = computed<number[]>(() => rowsOfKind(gridKind.value));

/** Whether runs share a chart: lines can, areas would hide each other. */
export function drawsRunsTogether(mode: (typeof HISTOGRAM_MODES)[number]): boolean {
  return mode === 'overlay' || mode === 'percentiles';
}

/** Whose histograms small charts show: of all shown runs where they are lines. */
export const gridRuns = computed<RunData[]>(() => {
  const runs = drawsRunsTogether(state.mode.value) ? shownRuns.value : [];
  const beside = runs.slice(1).flatMap((run) => {
    const known = runData.value.get(run);
    return known && !(known instanceof Error) ? [known] : [];
  });
  return data.value ? [data.value, ...beside] : [];
});

export function rowsOfKind(kind: string | undefined): number[] {
  const model = data.value?.model;
  if (!model) return [];
  return listedLayers.value.flatMap((layer) => {
    const own = layerRows(layer, model.rows).filter((row) => model.rows[row].kind === kind);
    return own.length > 0 ? [wantedRow(own) ?? own[0]] : [];
  });
}
