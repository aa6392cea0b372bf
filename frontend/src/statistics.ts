/** Columns of the statistics table, and what they say of a layer's health. Pure. */
import type { Layer, ModelDescription, Statistics } from './api';
import { plural } from './format';
import { layerRows } from './selection';

/** A statistic of a row over all steps; empty where the run has none of that name. */
export function statisticOverSteps(
  model: ModelDescription,
  statistics: Statistics,
  row: number,
  name: string,
): Float32Array {
  const column = model.statistics.indexOf(name);
  if (column < 0 || row < 0 || row >= statistics.rows) return new Float32Array();
  const values = new Float32Array(statistics.steps.length);
  for (let i = 0; i < values.length; i++) {
    values[i] =
      statistics.values[(i * statistics.rows + row) * statistics.columns + column];
  }
  return values;
}

/**
 * Of the steps, those whose record has a row: a row that was left out is NaN
 * throughout, while one without a finite value still has its count.
 */
export function recordedIndices(
  model: ModelDescription,
  statistics: Statistics,
  row: number,
): number[] {
  const counts = statisticOverSteps(model, statistics, row, 'count');
  return [...counts.keys()].filter((i) => !Number.isNaN(counts[i]));
}

/** The steps whose record has any row of the statistics. */
export function stepsWithStatistics(
  model: ModelDescription,
  statistics: Statistics,
): number[] {
  const { rows, columns, values } = statistics;
  const column = model.statistics.indexOf('count');
  if (column < 0) return [];
  return statistics.steps.filter((_, i) => {
    for (let row = 0; row < rows; row++) {
      if (!Number.isNaN(values[(i * rows + row) * columns + column])) return true;
    }
    return false;
  });
}

/** A value of the record series over all steps; empty where there is none. */
export function recordOverSteps(
  model: ModelDescription,
  statistics: Statistics,
  name: string,
): Float32Array {
  const column = model.record_values.indexOf(name);
  if (column < 0 || column >= statistics.recordColumns) return new Float32Array();
  const values = new Float32Array(statistics.steps.length);
  for (let i = 0; i < values.length; i++) {
    values[i] = statistics.recordValues[i * statistics.recordColumns + column];
  }
  return values;
}

/** The loss to draw behind the axis: the probe's, or the training's where it has none. */
export function lossOverSteps(
  model: ModelDescription,
  statistics: Statistics,
): Float32Array {
  const probe = recordOverSteps(model, statistics, 'probe_loss');
  return probe.some(Number.isFinite)
    ? probe
    : recordOverSteps(model, statistics, 'training_loss');
}

/** How many records until a step (an index of the table) were lost; 0 where unknown. */
export function lostRecords(
  model: ModelDescription,
  statistics: Statistics,
  stepIndex: number,
): number {
  const lost = recordOverSteps(model, statistics, 'lost_records');
  for (let i = Math.min(stepIndex, lost.length - 1); i >= 0; i--) {
    if (!Number.isNaN(lost[i])) return lost[i];
  }
  return 0;
}

export function lostText(lost: number): string {
  return `${plural(lost, 'record')} lost until here: writing was behind or failed.`;
}

/** The steps whose update was skipped. */
export function skippedSteps(model: ModelDescription, statistics: Statistics): number[] {
  const skipped = recordOverSteps(model, statistics, 'update_skipped');
  return statistics.steps.filter((_, i) => skipped[i] === 1);
}

export const SKIPPED_TEXT =
  'update skipped: the loss scale backed off from NaN or ±Inf gradients';

/** The row that stands for a layer in its sparkline: of a kind, or the first it has. */
export function sparklineRow(layer: Layer, model: ModelDescription, kind?: string): number {
  const rows = layerRows(layer, model.rows);
  return rows.find((row) => model.rows[row].kind === kind) ?? rows[0] ?? -1;
}
