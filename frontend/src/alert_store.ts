/** The alerts of the shown runs, and how the layers do at the scrubber's step. */
import { computed } from '@preact/signals';
import { type Alert, findAlerts, type Health, healthAt } from './alerts';
import { Table, type Thresholds } from './rules';
import type { Statistics } from './api';
import { shownData, type ShownRun } from './shown_runs';
import { state } from './state';
import { data, statisticsIndex } from './store';

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
