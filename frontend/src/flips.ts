/** Where the class that a model predicts for a sample changes from record to record. Pure. */
import { type Stack, type TensorHeader, valueAt, worstError } from './wire_format';

/** Instead of a class: there is none, as of NaN or where no output is recorded. */
export const NO_CLASS = -1;
/** Instead of a class: the greatest values lie within their error of each other. */
export const TOO_CLOSE = -2;

/** What of the model says whether an output is classes. */
export interface OutputKind {
  /** The activation of the output's layer; empty where it is not known. */
  activation: string;
  /** Whether labels or names of classes are known. */
  labelled: boolean;
}

/**
 * Whether an output is a list of classes, or one that is or is not; no picture, sequence
 * or regression is, and none of whose classes a part is recorded.
 */
export function saysClasses(header: TensorHeader, kind: OutputKind): boolean {
  const { channels, height, width, width_axis } = header;
  const last = header.axes.at(-1);
  if (channels * height !== 1 || width === 0) return false;
  // In a row of one value a time step, steps are no classes.
  if (last && (last.name !== width_axis || last.stored !== last.size)) return false;
  return width === 1
    ? kind.activation === 'sigmoid'
    : kind.activation === 'softmax' || kind.labelled;
}

/** The class that such an output says: the greatest, or 0 or 1 of a single unit. */
export function predictedClass(stack: Stack): number {
  const first = valueAt(stack, 0, 0, 0);
  if (stack.width === 1) return Number.isNaN(first) ? NO_CLASS : Number(first >= 0.5);
  let [top, most, second] = [0, first, Number.NEGATIVE_INFINITY];
  for (let x = 0; x < stack.width; x++) {
    const value = valueAt(stack, 0, 0, x);
    if (Number.isNaN(value)) return NO_CLASS;
    if (x === 0) continue;
    if (value > most) [top, most, second] = [x, value, most];
    else second = Math.max(second, value);
  }
  // Of one code, or both without end: either may be the greater.
  return most - second > worstError(stack, 0) ? top : TOO_CLOSE;
}

export interface Flip {
  sample: number;
  from: number;
  to: number;
  /** The record that has the new class, and the last one that had the old. */
  step: number;
  since: number;
}

/**
 * The changes of class between records, in the order of steps. `classes` are those of
 * each sample at each step; undefined where they are not known yet.
 *
 * A record without a class for a sample, and one that is not known, part what lies before
 * them from what lies after: no change is claimed across. One that is too close to call
 * counts for the class before.
 */
export function findFlips(
  steps: readonly number[],
  classes: readonly (ArrayLike<number> | undefined)[],
): Flip[] {
  const flips: Flip[] = [];
  const before = new Map<number, { from: number; since: number }>();
  for (const [i, step] of steps.entries()) {
    const here = classes[i];
    if (!here) before.clear();
    for (let sample = 0; here && sample < here.length; sample++) {
      const to = here[sample];
      const last = before.get(sample);
      if (to === TOO_CLOSE && last) last.since = step;
      else if (to < 0) before.delete(sample);
      else {
        if (last && last.from !== to) flips.push({ sample, to, step, ...last });
        before.set(sample, { from: to, since: step });
      }
    }
    // Of a smaller batch: what it has not is not known.
    for (const sample of before.keys()) {
      if (here && sample >= here.length) before.delete(sample);
    }
  }
  return flips;
}

/** Flips that are drawn as one mark, and where. */
export interface FlipMark {
  x: number;
  flips: Flip[];
}

/** Marks at least `apart` from each other; each lies where its first flip does. */
export function flipMarks(
  flips: readonly Flip[],
  x: (step: number) => number,
  apart: number,
): FlipMark[] {
  const marks: FlipMark[] = [];
  for (const flip of flips) {
    const at = x(flip.step);
    const last = marks.at(-1);
    if (last && at - last.x < apart) last.flips.push(flip);
    else marks.push({ x: at, flips: [flip] });
  }
  return marks;
}

/** The step of the next flip after, or before, a step; undefined of none. */
export function nextFlipStep(
  flips: readonly Flip[],
  at: number,
  side: 'before' | 'after',
): number | undefined {
  const steps = flips.map(({ step }) => step);
  return side === 'after'
    ? steps.find((step) => step > at)
    : steps.filter((step) => step < at).at(-1);
}

export interface ClassWords {
  labels: readonly number[];
  class_names: readonly string[];
}

export const NO_WORDS: ClassWords = { labels: [], class_names: [] };

/** A class by its name, where it has one. */
export function className({ class_names }: ClassWords, index: number): string {
  return class_names[index] ?? String(index);
}

/** "Sample 3: 4 → 9 (label 9)" */
export function flipText({ sample, from, to }: Flip, words: ClassWords): string {
  const label = words.labels[sample];
  const about = label === undefined ? '' : ` (label ${className(words, label)})`;
  return `Sample ${sample}: ${className(words, from)} → ${className(words, to)}${about}`;
}
