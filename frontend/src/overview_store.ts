/** What the overview shows: the matrices of the shown runs, their lines and numbers. */
import { computed } from '@preact/signals';
import { extent } from './axis';
import {
  type Cells,
  cellEdges,
  cellsOf,
  differences,
  type MatrixRow,
  matchSteps,
  matrixRows,
  scaleDomain,
  scaleOf,
  statisticChoices,
} from './overview';
import { KINDS, type Kind } from './selection';
import { placeNow, runPlaces, shownData, type ShownRun } from './shown_runs';
import { state } from './state';
import { layer } from './store';

/** The kinds of which the shown runs have rows. */
export const tensorKinds = computed<Kind[]>(() => {
  const known = new Set(
    shownData.value.flatMap(({ model }) => model.rows.map(({ kind }) => kind)),
  );
  return KINDS.filter((kind) => known.has(kind));
});

export const tensorKind = computed<Kind | undefined>(() => {
  const [all, wanted] = [tensorKinds.value, state.tensors.value];
  if (wanted !== null && all.includes(wanted)) return wanted;
  return all.includes('activation_gradient') ? 'activation_gradient' : all[0];
});

export const statistics = computed(() =>
  statisticChoices(shownData.value[0]?.model.statistics ?? []),
);

export const statistic = computed(() =>
  statistics.value.includes(state.statistic.value)
    ? state.statistic.value
    : (statistics.value[0] ?? 'l2_norm'),
);

export const scale = computed(() => scaleOf(statistic.value));

export interface RunMatrix {
  run: ShownRun;
  rows: MatrixRow[];
  cells: Cells;
  places: readonly number[];
}

const matrices = computed<RunMatrix[]>(() => {
  const kind = tensorKind.value;
  if (!kind) return [];
  return shownData.value.map((run) => {
    const rows = matrixRows(run.model, kind);
    return {
      run,
      rows,
      cells: cellsOf(run.model, run.statistics, rows, statistic.value),
      places: runPlaces(run).places,
    };
  });
});

/** The rows of a run's tables that its matrix shows. */
export function statisticRows(run: string): number[] {
  const matrix = matrices.value.find((one) => one.run.run === run);
  return matrix ? matrix.rows.map(({ row }) => row) : [];
}

/** B: another shown run, or the primary one itself. */
const versus = computed<RunMatrix | undefined>(() => {
  const [own, ...others] = matrices.value;
  return (
    [...others, own].find(({ run }) => run.run === state.versus.value) ?? others[0] ?? own
  );
});

/** For each step of A that of B: the chosen one; of A's own run the first; else the nearest. */
function versusMatches(here: RunMatrix, there: RunMatrix): number[] {
  const chosen = state.versusStep.value;
  const { steps } = there.run.statistics;
  const fixed = chosen === null ? (here.run === there.run ? 0 : -1) : steps.indexOf(chosen);
  if (fixed >= 0) return here.places.map(() => fixed);
  return matchSteps(here.places, there.places);
}

export interface Difference extends RunMatrix {
  other: RunMatrix;
  /** Labels of rows that only one of the two has. */
  onlyHere: string[];
  onlyThere: string[];
}

export const difference = computed<Difference | undefined>(() => {
  const [here, there] = [matrices.value[0], versus.value];
  if (!state.compare.value || !here || !there) return undefined;
  const labels = there.rows.map(({ label }) => label);
  const partners = here.rows.map(({ label }) => labels.indexOf(label));
  const matches = versusMatches(here, there);
  return {
    ...here,
    other: there,
    cells: differences(here.cells, there.cells, partners, matches, scale.value),
    onlyHere: here.rows.flatMap(({ label }, i) => (partners[i] < 0 ? [label] : [])),
    onlyThere: labels.filter((_, i) => !partners.includes(i)),
  };
});

/** The matrices on the page: one a run, or the one difference. */
export const shownMatrices = computed<RunMatrix[]>(() =>
  difference.value ? [difference.value] : matrices.value,
);

/** How values become colours: a difference, also of logarithms, lies about zero. */
export const paintedScale = computed(() => (difference.value ? 'signed' : scale.value));

/** What the colours span, over all matrices on the page. */
export const matrixDomain = computed(() =>
  scaleDomain(
    shownMatrices.value.map(({ cells }) => cells),
    paintedScale.value,
  ),
);

/** From where to where the records of the runs on the page reach. */
export const span = computed(() => {
  const ends = shownData.value.flatMap((run) => {
    const { places } = runPlaces(run);
    if (places.length === 0) return [];
    const [from, to] = cellEdges(places);
    return [from[0], to[to.length - 1]];
  });
  return extent(ends);
});

/** The layers whose lines are drawn. */
export const lineLayers = computed<readonly string[]>(() => {
  const chosen = state.lines.value;
  const current = layer.value?.path;
  if (chosen && chosen.length > 0) return chosen;
  return current === undefined ? [] : [current];
});

/** The record of a run at the scrubber's place, an index of its table; −1 of none. */
function recordNow({ places }: RunMatrix): number {
  return placeNow.value === undefined
    ? -1
    : (matchSteps([placeNow.value], places)[0] ?? -1);
}

export interface Numbers {
  columns: { run: string; step: number | undefined }[];
  rows: { label: string; layer: string; values: (number | undefined)[] }[];
}

/** The numbers of all runs at the scrubber's place; undefined is what a run lacks. */
export const numbersNow = computed<Numbers>(() => {
  const all = matrices.value;
  const now = all.map(recordNow);
  const labels = new Map(
    all.flatMap(({ rows }) => rows.map(({ label, layer }) => [label, layer] as const)),
  );
  return {
    columns: all.map(({ run }, i) => ({
      run: run.run,
      step: run.statistics.steps[now[i]],
    })),
    rows: [...labels].map(([label, layer]) => ({
      label,
      layer,
      values: all.map(({ rows, cells }, i) => {
        const at = rows.findIndex((one) => one.label === label) * cells.steps + now[i];
        return now[i] >= 0 && cells.recorded[at] ? cells.values[at] : undefined;
      }),
    })),
  };
});

export interface StatisticLine {
  run: string;
  layer: string;
  label: string;
  places: number[];
  values: number[];
  /** The how many-th label on the page it is. */
  order: number;
}

/** A line for each tensor of the chosen layers and each run, of the records that have it. */
export const statisticLines = computed<StatisticLine[]>(() => {
  const lines = matrices.value.flatMap(({ run, rows, cells, places }) =>
    rows.flatMap(({ layer, label }, r): Omit<StatisticLine, 'order'>[] => {
      if (!lineLayers.value.includes(layer)) return [];
      const has = Array.from(places.keys()).filter(
        (i) => cells.recorded[r * cells.steps + i],
      );
      return [
        {
          run: run.run,
          layer,
          label,
          places: has.map((i) => places[i]),
          values: has.map((i) => cells.values[r * cells.steps + i]),
        },
      ];
    }),
  );
  const labels = [...new Set(lines.map(({ label }) => label))];
  return lines.map((line) => ({ ...line, order: labels.indexOf(line.label) }));
});

// Runs have colours; layers of one run differ by their dashes.
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [12, 4], [1, 2]];

/** The dashes of a line. */
export function dashOf({ order }: StatisticLine): number[] {
  return DASHES[order % DASHES.length];
}
