/** A model's output for one sample, as bars. Pure. */
import { type Stack, valueAt } from './wire_format';

export interface Bar {
  index: number;
  value: number;
}

export interface PredictionBars {
  bars: Bar[];
  /** Whether the values are probabilities: within 0 … 1, with a sum of 1. */
  probabilities: boolean;
  /** How many outputs are left out, all smaller than those shown. */
  hidden: number;
}

/** The output as bars in the order of the classes: at most `limit`, the greatest and the label. */
export function predictionBars(
  stack: Stack,
  label: number | undefined,
  limit: number,
): PredictionBars | undefined {
  const count = stack.channels * stack.height * stack.width;
  // A picture or a sequence is no list of classes.
  if (count === 0 || stack.channels * stack.height > 1) return undefined;
  const all = Array.from({ length: count }, (_, index) => ({
    index,
    value: valueAt(stack, 0, 0, index),
  }));
  const sum = all.reduce((total, { value }) => total + value, 0);
  const inside = all.every(({ value }) => value >= 0 && value <= 1);
  // Coded values add up to 1 but for half a code each.
  const probabilities = inside && count > 1 && Math.abs(sum - 1) <= 0.002 * count + 0.01;
  let bars = all;
  if (count > limit) {
    const greatest = [...all].sort((a, b) => b.value - a.value).slice(0, limit);
    if (label !== undefined && all[label] && !greatest.includes(all[label])) {
      greatest[limit - 1] = all[label];
    }
    bars = greatest.sort((a, b) => a.index - b.index);
  }
  return { bars, probabilities, hidden: count - bars.length };
}

/** The index of the greatest bar; -1 where none is finite. */
export function topIndex(bars: readonly Bar[]): number {
  let top: Bar | undefined;
  for (const bar of bars)
    if (
      !Number.isNaN(bar.value) &&
      !(bar.value <= (top?.value ?? Number.NEGATIVE_INFINITY))
    )
      top = bar;
  return top?.index ?? -1;
}
