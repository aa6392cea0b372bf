/** The histograms of A and B, tensor by tensor. */
import { computed } from '@preact/signals';
import { getHistograms, type Histograms } from './api';
import { versusRun, versusStep } from './compare_store';
import { rowsApart } from './histogram';
import type { RunRow } from './histogram_chart';
import { gridKind, rowsOfKind, runRow } from './histogram_runs';
import { byDistance, jensenShannon, type Pair } from './histogram_pair';
import { resource } from './resource';
import { histogramSteps, rowOf } from './selection';
import { state } from './state';
import { data, histogramRow, type RunData, step } from './store';

/** Rows of a run at one step. */
interface Side {
  known: RunData;
  rows: number[];
  step: number;
  /** Tells a rewritten step from the old one. */
  wallTime: number;
}

/** Of what kind the tensors are: of one layer's, that of the one that is shown. */
const pairKind = computed(() => {
  const row = histogramRow.value;
  return state.scope.value === 'layer' && row !== undefined
    ? data.value?.model.rows[row].kind
    : gridKind.value;
});

/** A's rows: one for each listed layer, and the one that is shown. */
const pairRows = computed(() => {
  const rows = rowsOfKind(pairKind.value);
  const own = histogramRow.value;
  return state.scope.value === 'all' || own === undefined || rows.includes(own)
    ? rows
    : [...rows, own];
});

interface PairsQuestion {
  a: Side;
  b: Side;
  /** For each row of A the place of its partner in B's rows; −1 of none. */
  partners: number[];
}

const question = computed<PairsQuestion | undefined>(() => {
  const [here, there] = [data.value, versusRun.value];
  const [at, thereAt] = [step.value, versusStep.value];
  if (!state.compare.value || state.view.value !== 'histograms') return undefined;
  if (!here || !there || at === undefined || thereAt === undefined) return undefined;
  const rows = pairRows.value;
  if (rows.length === 0) return undefined;
  const found = rows.map((row) => {
    const { kind, path } = here.model.rows[row];
    return rowOf(there.model.rows, kind, path);
  });
  const partners = found.filter((row) => row >= 0);
  return {
    a: sideOf(here, rows, at),
    b: sideOf(there, partners, thereAt),
    partners: found.map((row) => partners.indexOf(row)),
  };
});

function sideOf(known: RunData, rows: number[], at: number): Side {
  const { steps, wall_times } = histogramSteps(known.series);
  return { known, rows, step: at, wallTime: wall_times[steps.indexOf(at)] ?? 0 };
}

function sideKey({ known, rows, step, wallTime }: Side): string {
  return JSON.stringify([known.run, rows, step, wallTime]);
}

async function loadSide(
  { known, rows, step }: Side,
  signal: AbortSignal,
): Promise<Histograms[]> {
  if (rows.length === 0) return [];
  return rowsApart(await getHistograms(known.run, rows, signal, [step]));
}

const answers = resource(question, {
  key: ({ a, b }) => `${sideKey(a)} ${sideKey(b)}`,
  load: ({ a, b }, signal) => Promise.all([loadSide(a, signal), loadSide(b, signal)]),
  keep: (old, next) =>
    old.a.known.run === next.a.known.run && old.b.known.run === next.b.known.run,
});

export const pairsLoading = computed(() => answers.value.loading);
export const pairsError = computed(() => answers.value.error);

/** A tensor of A with its partner in B. */
export interface HistogramPair extends Pair {
  /** Of A's tables. */
  row: number;
  layerPath: string;
  /** Of one step each. */
  rows: [RunRow, RunRow];
}

interface Pairs {
  /** What both have, in the order of the model. */
  pairs: HistogramPair[];
  /** Paths of what only one of the two has, at its step. */
  onlyHere: string[];
  onlyThere: string[];
}

export const histogramPairs = computed<Pairs | undefined>(() => {
  const { question, answer } = answers.value;
  if (!question || !answer) return undefined;
  const { a, b, partners } = question;
  const { rows } = a.known.model;
  const pairs: HistogramPair[] = [];
  const onlyHere: string[] = [];
  const onlyThere = withoutPartner(a, b);
  a.rows.forEach((row, i) => {
    const { path, layer_path: layerPath } = rows[row];
    const [here, there] = [answer[0][i], answer[1][partners[i]]];
    const [has, other] = [here.steps.length > 0, (there?.steps.length ?? 0) > 0];
    if (has && !other) onlyHere.push(path);
    if (!has && other) onlyThere.push(path);
    if (!has || !other) return;
    pairs.push({
      path,
      layerPath,
      row,
      rows: [runRow(a.known, row, here), runRow(b.known, b.rows[partners[i]], there)],
      a: here.counts,
      b: there.counts,
      distance: jensenShannon(here.counts, there.counts),
    });
  });
  return { pairs, onlyHere, onlyThere };
});

/** Tensors of this kind that B's model has and A's has not. */
function withoutPartner(a: Side, b: Side): string[] {
  const kind = pairKind.value ?? '';
  return b.known.model.rows
    .filter((row) => row.kind === kind && rowOf(a.known.model.rows, kind, row.path) < 0)
    .map(({ path }) => path);
}

/** From the most changed to the least. */
export const ranking = computed(() => byDistance(histogramPairs.value?.pairs ?? []));

/** The pair of the tensor that is shown. */
export const shownPair = computed(() =>
  histogramPairs.value?.pairs.find(({ row }) => row === histogramRow.value),
);
