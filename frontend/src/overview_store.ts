/** What the overview shows: alerts, health, the matrices of the shown runs. */
import { computed } from '@preact/signals';
import {
  type Alert,
  findAlerts,
  type Health,
  healthAt,
  Table,
  type Thresholds,
} from './alerts';
import { placeOf, type Places, placesOf } from './alignment';
import type { Statistics } from './api';
import {
  type Cells,
  cellEdges,
  cellsOf,
  differenceDomain,
  differences,
  type MatrixRow,
  matchSteps,
  matrixRows,
  scaleDomain,
  scaleOf,
  statisticChoices,
} from './overview';
import { extent } from './axis';
import { KINDS, type Kind } from './selection';
import { state } from './state';
import {
  data,
  layer,
  type RunData,
  runData,
  shownRuns,
  statisticsIndex,
  stepIndex,
  steps,
} from './store';

/** A shown run that has statistics. */
export interface ShownRun extends RunData {
  statistics: Statistics;
}

export const shownData = computed<ShownRun[]>(() =>
  shownRuns.value.flatMap((run) => {
    const known = runData.value.get(run);
    return known && !(known instanceof Error) && known.statistics
      ? [known as ShownRun]
      : [];
  }),
);

const tables = new WeakMap<Statistics, Table>();

function tableOf({ model, statistics }: ShownRun): Table {
  let table = tables.get(statistics);
  if (!table) {
    table = new Table(model, statistics);
    tables.set(statistics, table);
  }
  return table;
}

export const thresholds = computed<Thresholds>(() => ({
  exploding: state.exploding.value,
  vanishing: state.vanishing.value,
  dead: state.dead.value,
  saturated: state.saturated.value,
  still: state.still.value,
}));

export interface RunAlert extends Alert {
  run: string;
}

/** The alerts of a run are found once for each set of thresholds. */
const foundAlerts = new WeakMap<Table, { for: Thresholds; alerts: Alert[] }>();

function alertsOf(known: ShownRun): Alert[] {
  const table = tableOf(known);
  let found = foundAlerts.get(table);
  if (found?.for !== thresholds.value) {
    found = { for: thresholds.value, alerts: findAlerts(table, thresholds.value) };
    foundAlerts.set(table, found);
  }
  return found.alerts;
}

/** The alerts of the shown runs, the worst first. */
export const alerts = computed<RunAlert[]>(() => {
  const all = shownData.value.flatMap((known) =>
    alertsOf(known).map((alert) => ({ ...alert, run: known.run })),
  );
  const rank = (alert: RunAlert) => (alert.rule.level === 'bad' ? 0 : 1);
  return all.sort((a, b) => rank(a) - rank(b) || a.step - b.step);
});

/** How the layers of the run do at the scrubber's step. */
export const health = computed<ReadonlyMap<string, Health>>(() => {
  const known = data.value;
  if (!known?.statistics) return new Map();
  return healthAt(tableOf(known as ShownRun), statisticsIndex.value, thresholds.value);
});

/** The places of a run's records on the axis. */
export function runPlaces({ statistics }: ShownRun): Places {
  return placesOf(statistics, state.align.value);
}

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
  difference.value
    ? differenceDomain(difference.value.cells)
    : scaleDomain(
        shownMatrices.value.map(({ cells }) => cells),
        scale.value,
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

/** Where each step of the axis lies. */
export const stepPlaces = computed<number[]>(() => {
  const known = data.value;
  if (!known?.statistics) return steps.value;
  const places = runPlaces(known as ShownRun);
  return steps.value.map((one) => placeOf(places, one));
});

/** Where the scrubber's step lies on the axis. */
export const placeNow = computed(() => {
  return stepPlaces.value[stepIndex.value];
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
