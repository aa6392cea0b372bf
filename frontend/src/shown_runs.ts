/** The runs on the page that have statistics, and where their records lie on the axis. */
import { computed } from '@preact/signals';
import { placeOf, type Places, placesOf } from './alignment';
import type { Statistics } from './api';
import { state } from './state';
import { data, type RunData, runData, shownRuns, stepIndex, steps } from './store';

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

/** The places of a run's records on the axis. */
export function runPlaces({ statistics }: ShownRun): Places {
  return placesOf(statistics, state.align.value);
}

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
