/** What a model says of a sample, as bars with the label and the target marked. Pure. */
import { topIndex } from './prediction';
import { type Stack, valueAt } from './wire_format';

export interface ClassBar {
  index: number;
  value: number;
  isTop: boolean;
  isLabel: boolean;
  isTarget: boolean;
}

export interface ClassBars {
  bars: ClassBar[];
  /** Probabilities as recorded; worked out of logits; or other values, as recorded. */
  kind: 'probabilities' | 'softmax' | 'values';
  /** How many classes are left out, all smaller than those shown. */
  hidden: number;
}

/** What of the model says how its output is to be read. */
export interface OutputWords {
  /** The activation of the output's layer; empty where it is not known. */
  activation: string;
  /** Whether labels or names of classes are known. */
  labelled: boolean;
}

/**
 * The classes in their order: at most `limit`, the greatest, the label and the targets.
 *
 * Logits, of a linear layer with labels, become probabilities by softmax; one sigmoid
 * becomes two classes. Undefined of an output that is no list.
 */
export function classBars(
  stack: Stack,
  output: OutputWords,
  marks: { label: number | undefined; targets: readonly number[] },
  limit: number,
): ClassBars | undefined {
  const { channels, height, width } = stack;
  if (channels * height !== 1 || width === 0) return undefined;
  let values = Array.from({ length: width }, (_, x) => valueAt(stack, 0, 0, x));
  let kind: ClassBars['kind'] = 'values';
  if (width === 1 && output.activation === 'sigmoid') {
    values = [1 - values[0], values[0]];
    kind = 'probabilities';
  } else if (isProbability(values)) kind = 'probabilities';
  else if (width > 1 && output.activation === 'linear' && output.labelled) {
    values = softmax(values);
    kind = 'softmax';
  }
  const all = values.map((value, index) => ({ index, value }));
  const top = topIndex(all);
  const wanted = [marks.label, ...marks.targets].filter(
    (index) => index !== undefined && index < all.length,
  );
  const ranked = [...all].sort((a, b) => b.value - a.value).map(({ index }) => index);
  const unique = [...new Set([...wanted, ...ranked])];
  const shown = new Set(unique.slice(0, Math.max(limit, new Set(wanted).size)));
  const bars = all
    .filter(({ index }) => shown.has(index))
    .map(({ index, value }) => ({
      index,
      value,
      isTop: index === top,
      isLabel: index === marks.label,
      isTarget: marks.targets.includes(index),
    }));
  return { bars, kind, hidden: all.length - bars.length };
}

function isProbability(values: readonly number[]): boolean {
  const sum = values.reduce((total, value) => total + value, 0);
  // Coded values add up to 1 but for half a code each.
  return (
    values.length > 1 &&
    values.every((value) => value >= 0 && value <= 1) &&
    Math.abs(sum - 1) <= 0.002 * values.length + 0.01
  );
}

export function softmax(values: readonly number[]): number[] {
  const most = Math.max(...values);
  const odds = values.map((value) => Math.exp(value - most));
  const sum = odds.reduce((total, value) => total + value, 0);
  return odds.map((value) => value / sum);
}
