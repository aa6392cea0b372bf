/**
 * What can go wrong in a training: rules over the statistics, each with a threshold that
 * the reader can move. Pure.
 */
import type { ModelDescription, Statistics } from './api';
import { formatShare, formatValue, superscript } from './format';
import { isWeightKind, ownName } from './selection';
import { isProbe, sourceWords } from './source';

export const RULE_NAMES = [
  'nonfinite',
  'exploding',
  'vanishing',
  'dead',
  'saturated',
  'still',
] as const;
export type RuleName = (typeof RULE_NAMES)[number];

/** The rules that have a threshold. */
export type Thresholds = Record<Exclude<RuleName, 'nonfinite'>, number>;

export const INITIAL_THRESHOLDS: Thresholds = {
  exploding: 100,
  vanishing: 1e-5,
  dead: 0.25,
  saturated: 0.5,
  still: 1e-8,
};

export interface Rule {
  name: RuleName;
  title: string;
  level: 'bad' | 'warning';
  /** In plain words, around the threshold. */
  before: string;
  after: string;
  /** Whether the threshold is a share, which people read in percent. */
  share?: boolean;
  /** How far a row is beyond the rule at a step; undefined where it is not. */
  check: (
    table: Table,
    row: number,
    i: number,
    thresholds: Thresholds,
  ) => Broken | undefined;
}

export interface Broken {
  /** How bad: greater is worse. */
  size: number;
  /** One or two words beside a layer. */
  word: string;
  /** What of the layer is how, as the end of a sentence. */
  says: string;
}

// So many records make a typical gradient.
const TYPICAL_RECORDS = 5;

/** The statistics of a run, by name, with what rules compare a row with. */
export class Table {
  private readonly columns: ReadonlyMap<string, number>;
  private readonly largest = new Map<string, Float64Array>();
  private readonly typical = new Map<number, Float64Array>();
  private readonly skipped: number;
  /** Layers that others read: not the outputs. */
  private readonly read: ReadonlySet<string>;
  private readonly frozen: ReadonlySet<string>;
  private readonly gradients: ReadonlySet<string>;

  constructor(
    readonly model: ModelDescription,
    readonly statistics: Statistics,
  ) {
    this.columns = new Map(model.statistics.map((name, i) => [name, i]));
    this.skipped = model.record_values.indexOf('update_skipped');
    this.read = new Set(model.layers.flatMap(({ parents }) => parents));
    this.frozen = new Set(model.layers.flatMap((one) => (one.trainable ? [] : [one.path])));
    const gradients = model.rows.filter(({ kind }) => kind === 'weight_gradient');
    this.gradients = new Set(gradients.map(({ path }) => path));
  }

  /** A statistic of a row at a step (an index of the table); NaN where it is not known. */
  at(name: string, row: number, i: number): number {
    const { rows, columns, values } = this.statistics;
    const column = this.columns.get(name);
    if (column === undefined || row >= rows) return Number.NaN;
    return values[(i * rows + row) * columns + column];
  }

  /** Whether the loss scale backed off at a step: its gradients were not used. */
  wasSkipped(i: number): boolean {
    const { recordValues, recordColumns } = this.statistics;
    return this.skipped >= 0 && recordValues[i * recordColumns + this.skipped] === 1;
  }

  /** Whether a row is of a layer inside the model: an output is meant to be sure. */
  isHidden(row: number): boolean {
    return this.read.has(this.model.rows[row].layer_path);
  }

  /** Whether a weight is trained: with gradients among the rows, one of those with one. */
  isTrained(row: number): boolean {
    const { layer_path, path } = this.model.rows[row];
    if (this.frozen.has(layer_path)) return false;
    return this.gradients.size === 0 || this.gradients.has(path);
  }

  /** The largest L2 norm of a row's kind at a step. */
  largestNorm(kind: string, i: number): number {
    let norms = this.largest.get(kind);
    if (!norms) {
      norms = new Float64Array(this.statistics.steps.length);
      for (const [row, { kind: one }] of this.model.rows.entries()) {
        if (one !== kind) continue;
        for (let at = 0; at < norms.length; at++) {
          const norm = this.at('l2_norm', row, at);
          if (norm > norms[at]) norms[at] = norm;
        }
      }
      this.largest.set(kind, norms);
    }
    return norms[i];
  }

  /** The geometric mean of a row's L2 norms before a step; NaN of fewer than five. */
  typicalNorm(row: number, i: number): number {
    let means = this.typical.get(row);
    if (!means) {
      means = new Float64Array(this.statistics.steps.length);
      let [sum, count] = [0, 0];
      for (let at = 0; at < means.length; at++) {
        means[at] = count < TYPICAL_RECORDS ? Number.NaN : Math.exp(sum / count);
        const norm = this.at('l2_norm', row, at);
        if (norm > 0 && Number.isFinite(norm)) {
          sum += Math.log(norm);
          count++;
        }
      }
      this.typical.set(row, means);
    }
    return means[i];
  }
}

export const RULES: readonly Rule[] = [
  {
    name: 'nonfinite',
    title: 'NaN or ±Inf',
    level: 'bad',
    before:
      'Any value is NaN or ±Inf; gradients that a loss scale backs off from are not meant.',
    after: '',
    check(table, row, i) {
      const nan = table.at('nan_count', row, i);
      const inf =
        table.at('positive_inf_count', row, i) + table.at('negative_inf_count', row, i);
      if (!(nan > 0 || inf > 0)) return undefined;
      const { kind } = table.model.rows[row];
      if (kind.endsWith('_gradient') && table.wasSkipped(i)) return undefined;
      const counts = [nan > 0 ? `${nan} NaN` : '', inf > 0 ? `${inf} ±Inf` : ''];
      return {
        size: nan + inf,
        word: nan > 0 ? 'NaN' : 'Inf',
        says: `${counts.filter(Boolean).join(' and ')} in the ${tensorWords(table.model, row)}`,
      };
    },
  },
  {
    name: 'exploding',
    title: 'Exploding gradient',
    level: 'bad',
    before: 'The L2 norm of a gradient is more than',
    after: 'times its typical one, the geometric mean of all records before.',
    check(table, row, i, { exploding }) {
      if (!table.model.rows[row].kind.endsWith('_gradient')) return undefined;
      const times = table.at('l2_norm', row, i) / table.typicalNorm(row, i);
      if (!(times > exploding)) return undefined;
      return {
        size: times,
        word: 'explodes',
        says: `the norm of the ${tensorWords(table.model, row)} is ${timesWords(times)} its typical one`,
      };
    },
  },
  {
    name: 'vanishing',
    title: 'Vanishing gradient',
    level: 'warning',
    before: 'The L2 norm of a gradient is less than',
    after: 'of the largest of its kind in the model at the same step.',
    check(table, row, i, { vanishing }) {
      const { kind } = table.model.rows[row];
      if (!kind.endsWith('_gradient')) return undefined;
      const norm = table.at('l2_norm', row, i);
      const largest = table.largestNorm(kind, i);
      if (!(norm === 0 || norm < vanishing * largest)) return undefined;
      const what = `the ${tensorWords(table.model, row)}`;
      if (norm === 0) {
        return { size: Infinity, word: 'no grad', says: `${what} is exactly 0` };
      }
      return {
        size: largest / norm,
        word: 'vanishes',
        says: `the norm of ${what} is ${timesWords(largest / norm)} smaller than the model’s largest`,
      };
    },
  },
  {
    name: 'dead',
    title: 'Dead channels',
    level: 'warning',
    before: 'At least',
    after: 'of a layer’s channels are 0 for every sample.',
    share: true,
    check(table, row, i, { dead }) {
      if (table.model.rows[row].kind !== 'activation') return undefined;
      const share = table.at('dead_fraction', row, i);
      if (!(share >= dead && share > 0)) return undefined;
      return {
        size: share,
        word: share === 1 ? 'dead' : `${formatShare(share)} dead`,
        says: `${formatShare(share)} of the channels are 0 for every ${sampleWords(table.model)}`,
      };
    },
  },
  {
    name: 'saturated',
    title: 'Saturated',
    level: 'warning',
    before: 'At least',
    after:
      'of a hidden layer’s activations are within 1 % of a bound of its activation function.',
    share: true,
    check(table, row, i, { saturated }) {
      if (table.model.rows[row].kind !== 'activation') return undefined;
      if (!table.isHidden(row)) return undefined;
      const share = table.at('saturated_fraction', row, i);
      if (!(share >= saturated && share > 0)) return undefined;
      return {
        size: share,
        word: 'saturated',
        says: `${formatShare(share)} of the activations are within 1 % of a bound`,
      };
    },
  },
  {
    name: 'still',
    title: 'No update',
    level: 'warning',
    before: 'Trainable weights move by less than',
    after:
      'of their norm a step. Of weights with more than 65,536 values an even part is compared.',
    check(table, row, i, { still }) {
      if (table.model.rows[row].kind !== 'weight' || !table.isTrained(row))
        return undefined;
      const ratio = table.at('update_ratio', row, i);
      if (!(ratio < still)) return undefined;
      return {
        size: 1 / ratio,
        word: 'no update',
        says:
          ratio === 0
            ? `the ${tensorWords(table.model, row)} does not move`
            : `the ${tensorWords(table.model, row)} moves by ${formatValue(ratio, 2)} of its norm a step`,
      };
    },
  },
];

export function kindWords(kind: string): string {
  return kind.replaceAll('_', ' ');
}

/** "activation gradient", "kernel", "kernel’s gradient". */
function tensorWords(model: ModelDescription, row: number): string {
  const { kind, path } = model.rows[row];
  if (!isWeightKind(kind)) return kindWords(kind);
  return kind === 'weight' ? ownName(path) : `${ownName(path)}’s gradient`;
}

/** 4,812 to "5,000 times"; beyond a million in powers of ten. */
function timesWords(times: number): string {
  if (!Number.isFinite(times)) return 'infinitely many times';
  if (times >= 1e6) return `10${superscript(Math.floor(Math.log10(times)))} times`;
  return `${formatValue(Number(times.toPrecision(2)), 7)} times`;
}

/** "probe sample", "sample of the training batch". */
function sampleWords({ tables_source }: ModelDescription): string {
  return isProbe(tables_source)
    ? 'probe sample'
    : `sample of ${sourceWords(tables_source)}`;
}
