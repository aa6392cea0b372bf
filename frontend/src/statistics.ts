/** Columns of the statistics table, and what they say of a layer's health. Pure. */
import type { Layer, ModelDescription, Statistics } from './api';
import { formatShare } from './format';
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

export type HealthLevel = 'good' | 'warning' | 'bad' | 'unknown';

export interface Health {
  level: HealthLevel;
  /** One or two words beside the layer; empty where all is well. */
  word: string;
  /** The whole sentence. */
  sentence: string;
}

/** From this share of dead channels on, the layer is marked. */
const DEAD_WARNING = 0.25;

/** How a layer does at a step (an index of the statistics table). */
export function layerHealth(
  layer: Layer,
  model: ModelDescription,
  statistics: Statistics | undefined,
  stepIndex: number,
): Health {
  const rows = layerRows(layer, model.rows);
  if (!statistics || stepIndex < 0 || rows.length === 0) {
    return { level: 'unknown', word: '', sentence: 'Nothing is recorded of this layer.' };
  }
  const at = (row: number, name: string) => {
    const column = model.statistics.indexOf(name);
    if (column < 0 || row >= statistics.rows) return Number.NaN;
    return statistics.values[
      (stepIndex * statistics.rows + row) * statistics.columns + column
    ];
  };
  if (rows.every((row) => Number.isNaN(at(row, 'count')))) {
    return { level: 'unknown', word: '', sentence: 'No statistics at this step.' };
  }
  for (const row of rows) {
    const what = model.rows[row].kind.replaceAll('_', ' ');
    const nan = at(row, 'nan_count');
    const inf = at(row, 'positive_inf_count') + at(row, 'negative_inf_count');
    if (nan > 0 || inf > 0) {
      const word = nan > 0 ? 'NaN' : 'Inf';
      const counts = [nan > 0 ? `${nan} NaN` : '', inf > 0 ? `${inf} ±Inf` : ''];
      return {
        level: 'bad',
        word,
        sentence: `${counts.filter(Boolean).join(' and ')} in the ${what} at this step.`,
      };
    }
  }
  for (const row of rows) {
    if (model.rows[row].kind !== 'activation') continue;
    const dead = at(row, 'dead_fraction');
    if (dead >= DEAD_WARNING) {
      return {
        level: dead === 1 ? 'bad' : 'warning',
        word: dead === 1 ? 'dead' : `${formatShare(dead)} dead`,
        sentence: `${formatShare(dead)} of the channels are 0 for every probe sample.`,
      };
    }
  }
  for (const row of rows) {
    if (!model.rows[row].kind.endsWith('_gradient')) continue;
    if (at(row, 'l2_norm') === 0) {
      return {
        level: 'warning',
        word: 'no grad',
        sentence: `The ${model.rows[row].kind.replaceAll('_', ' ')} is 0 at this step.`,
      };
    }
  }
  return { level: 'good', word: '', sentence: 'No NaN, no ±Inf, few dead channels.' };
}

/** The row whose L2 norm stands for a layer in its sparkline. */
export function sparklineRow(layer: Layer, model: ModelDescription): number {
  return layerRows(layer, model.rows)[0] ?? -1;
}
