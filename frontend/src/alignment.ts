/** Where a run's records lie on the axis that runs are aligned by. Pure. */
import type { Statistics } from './api';
import { niceTicks } from './axis';
import { formatCount, formatShare } from './format';
import { stepIndexAt } from './selection';

export const ALIGNMENTS = ['step', 'epoch', 'progress', 'time'] as const;
export type Alignment = (typeof ALIGNMENTS)[number];

export const ALIGNMENT_TITLES: Record<Alignment, string> = {
  step: 'step',
  epoch: 'epoch',
  progress: 'progress',
  time: 'time',
};

/** What records lie at: steps, epochs, shares of the run, or seconds since its first. */
export interface Places {
  steps: readonly number[];
  places: readonly number[];
}

/**
 * The places of all records of a run.
 *
 * Records of one epoch lie evenly between it and the next. Where epochs are not known,
 * and of a run with a single record, places are steps.
 */
export function placesOf(statistics: Statistics, alignment: Alignment): Places {
  const { steps, epochs, wallTimes } = statistics;
  switch (alignment) {
    case 'step':
      return { steps, places: steps };
    case 'epoch':
      return {
        steps,
        places: epochs.every((epoch) => epoch >= 0) ? spread(epochs) : steps,
      };
    case 'progress': {
      const [first, last] = [steps[0], steps[steps.length - 1]];
      const places = steps.map((step) =>
        last > first ? (step - first) / (last - first) : 0,
      );
      return { steps, places };
    }
    case 'time':
      return { steps, places: wallTimes.map((time) => time - wallTimes[0]) };
  }
}

/** Equal numbers become evenly spaced ones up to the next: 0 0 1 → 0 0.5 1. */
function spread(epochs: readonly number[]): number[] {
  const places: number[] = [];
  for (let from = 0; from < epochs.length;) {
    let to = from;
    while (to < epochs.length && epochs[to] === epochs[from]) to++;
    for (let i = from; i < to; i++) places.push(epochs[from] + (i - from) / (to - from));
    from = to;
  }
  return places;
}

/** Where a step lies, also one between records. */
export function placeOf({ steps, places }: Places, step: number): number {
  if (steps.length === 0) return step;
  const i = stepIndexAt(steps, step);
  const after = Math.min(i + 1, steps.length - 1);
  if (steps[i] >= step || after === i) return places[i];
  const share = (step - steps[i]) / (steps[after] - steps[i]);
  return places[i] + share * (places[after] - places[i]);
}

// Seconds that people count in; beyond, days.
const ROUND_SECONDS = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200,
];

/** Round places from low to high, about `count` of them. */
export function placeTicks(
  low: number,
  high: number,
  count: number,
  alignment: Alignment,
): number[] {
  if (alignment === 'step' || alignment === 'epoch') return niceTicks(low, high, count);
  const raw = (high - low) / count;
  if (alignment === 'progress' || raw <= 1) return niceTicks(low, high, count, 1e-9);
  const days = 86_400 * Math.ceil(raw / 86_400);
  const apart = ROUND_SECONDS.find((seconds) => seconds >= raw) ?? days;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / apart); i * apart <= high; i++) ticks.push(i * apart);
  return ticks;
}

/** A place as a tick of the axis says it. */
export function formatPlace(place: number, alignment: Alignment): string {
  switch (alignment) {
    case 'step':
      return formatCount(place);
    case 'epoch':
      return `epoch ${Number(place.toFixed(2))}`;
    case 'progress':
      return formatShare(Number(place.toFixed(3)));
    case 'time':
      return formatDuration(place);
  }
}

/** 45 s, 3:20 min, 2:05 h. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
  const two = (part: number) => String(part).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))} h`;
}
