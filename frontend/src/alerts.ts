/** Where and when rules are broken, and how layers do by them. Pure. */
import {
  type Broken,
  kindWords,
  type Rule,
  RULES,
  type Table,
  type Thresholds,
} from './rules';

/** A rule that a run breaks: where and when first, and for how long. */
export interface Alert {
  rule: Rule;
  /** The row that broke it first. */
  row: number;
  layer: string;
  /** The first step, and the last at which the layer breaks it. */
  step: number;
  last: number;
  /** Whether it does at the newest step that tells. */
  ongoing: boolean;
  /** What it says at its worst. */
  worst: Broken;
  /** Other layers that break it at any step, each with its first step and row. */
  others: { layer: string; step: number; row: number }[];
}

interface Found {
  first: number;
  last: number;
  ongoing: boolean;
  worst: Broken;
}

/** The rules that a run breaks, the worst first. */
export function findAlerts(table: Table, thresholds: Thresholds): Alert[] {
  const { model, statistics } = table;
  const order = new Map(model.layers.map(({ path }, i) => [path, i]));
  const alerts: Alert[] = [];
  for (const rule of RULES) {
    const found: [number, Found][] = [];
    for (let row = 0; row < model.rows.length; row++) {
      const one = findBroken(table, rule, row, thresholds);
      if (one) found.push([row, one]);
    }
    if (found.length === 0) continue;
    // A gradient goes through the model backwards: the last layer is the first to break.
    const place = (row: number) => {
      const { layer_path, kind } = model.rows[row];
      const at = order.get(layer_path) ?? 0;
      return kind.endsWith('_gradient') && rule.name !== 'vanishing' ? 1e9 - at : at;
    };
    found.sort(([a, x], [b, y]) => x.first - y.first || place(a) - place(b));
    const [row, { first, last, ongoing, worst }] = found[0];
    const layer = model.rows[row].layer_path;
    const others = new Map<string, Alert['others'][number]>();
    for (const [other, { first }] of found) {
      const path = model.rows[other].layer_path;
      if (path === layer || others.has(path)) continue;
      others.set(path, { layer: path, step: statistics.steps[first], row: other });
    }
    alerts.push({
      rule,
      row,
      layer,
      step: statistics.steps[first],
      last: statistics.steps[last],
      ongoing,
      worst,
      others: [...others.values()],
    });
  }
  return alerts;
}

function findBroken(
  table: Table,
  rule: Rule,
  row: number,
  thresholds: Thresholds,
): Found | undefined {
  let found: Found | undefined;
  for (let i = 0; i < table.statistics.steps.length; i++) {
    const broken = rule.check(table, row, i, thresholds);
    if (broken) {
      found ??= { first: i, last: i, ongoing: true, worst: broken };
      found.last = i;
      found.ongoing = true;
      if (broken.size > found.worst.size) found.worst = broken;
    } else if (found?.ongoing && !Number.isNaN(table.at('count', row, i))) {
      // A step that left the row out tells nothing.
      found.ongoing = false;
    }
  }
  return found;
}

export type HealthLevel = 'good' | 'warning' | 'bad' | 'unknown';

export interface Health {
  level: HealthLevel;
  /** One or two words beside the layer; empty where all is well. */
  word: string;
  /** The whole sentence. */
  sentence: string;
}

export const NOTHING_RECORDED: Health = {
  level: 'unknown',
  word: '',
  sentence: 'Nothing is recorded of this layer.',
};

const LEVELS: readonly HealthLevel[] = ['bad', 'warning', 'good', 'unknown'];

/** The first of the worst. */
export function worstHealth(all: readonly Health[]): Health {
  const level = LEVELS.find((one) => all.some((health) => health.level === one));
  return all.find((health) => health.level === level) ?? NOTHING_RECORDED;
}

/** How the layers that have rows do at a step (an index of the table), by path. */
export function healthAt(
  table: Table,
  i: number,
  thresholds: Thresholds,
): Map<string, Health> {
  const { model } = table;
  const rows = new Map<string, number[]>();
  for (const [row, { layer_path }] of model.rows.entries()) {
    rows.set(layer_path, [...(rows.get(layer_path) ?? []), row]);
  }
  const health = new Map<string, Health>();
  for (const [layer, own] of rows)
    health.set(layer, layerHealth(table, own, i, thresholds));
  return health;
}

function layerHealth(
  table: Table,
  rows: readonly number[],
  i: number,
  thresholds: Thresholds,
): Health {
  const absent = rows.filter((row) => i < 0 || Number.isNaN(table.at('count', row, i)));
  if (absent.length === rows.length) {
    return { level: 'unknown', word: '', sentence: 'No statistics at this step.' };
  }
  for (const rule of RULES) {
    for (const row of rows) {
      const broken = rule.check(table, row, i, thresholds);
      if (!broken) continue;
      const level = rule.level === 'bad' || broken.word === 'dead' ? 'bad' : 'warning';
      const sentence = `${broken.says[0].toUpperCase()}${broken.says.slice(1)} at this step.`;
      return { level, word: broken.word, sentence };
    }
  }
  const kinds = new Set(absent.map((row) => kindWords(table.model.rows[row].kind)));
  const sentence = 'None of the alerts’ rules is broken.';
  return {
    level: 'good',
    word: '',
    sentence:
      kinds.size > 0 ? `${sentence} Not at this step: ${[...kinds].join(', ')}.` : sentence,
  };
}
