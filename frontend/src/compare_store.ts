/** B: the run and step that the shown ones are compared with. */
import { computed } from '@preact/signals';
import { placeOf, placesOf } from './alignment';
import { changesOf, differenceStack, mismatch } from './compare';
import { shownData, stepPlaces } from './shown_runs';
import { resource } from './resource';
import {
  heatmapSteps,
  histogramSteps,
  isWeightKind,
  nearestIndex,
  tagSteps,
} from './selection';
import { loadStack, type StackAt, stackKey } from './stacks';
import { state } from './state';
import { stack } from './maps_store';
import { data, kind, type RunData, sample, step, stepIndex, steps, tag } from './store';
import type { Stack } from './wire_format';

/** The runs that B may be of: those that are shown, A's own last. */
export const versusChoices = computed<RunData[]>(() => {
  const own = data.value;
  const others = shownData.value.filter(({ run }) => run !== own?.run);
  return own ? [...others, own] : others;
});

export const versusRun = computed<RunData | undefined>(
  () =>
    versusChoices.value.find(({ run }) => run === state.versus.value) ??
    versusChoices.value[0],
);

export const isOwnRun = computed(() => versusRun.value?.run === data.value?.run);

/** The steps at which B's run has the maps, or the histograms, that are shown. */
export const versusSteps = computed<readonly number[]>(() => {
  const [known, name] = [versusRun.value, tag.value];
  if (known && state.view.value === 'histograms') return histogramSteps(known.series).steps;
  if (known && state.view.value === 'heatmaps') return heatmapSteps(known.series);
  return known && name !== undefined ? tagSteps(known.series, name).steps : [];
});

/**
 * B's step: the chosen one; else in another run the nearest to the scrubber's place, in
 * the same run the first.
 */
export const versusStep = computed(() => versusStepAt(stepIndex.value));

/** The same while the scrubber stands at another of A's steps, by its place among them. */
function versusStepAt(index: number): number | undefined {
  const all = versusSteps.value;
  const chosen = state.versusStep.value;
  if (chosen !== null && all.includes(chosen)) return chosen;
  if (isOwnRun.value) return all[0];
  const [known, now] = [versusRun.value, stepPlaces.value[index]];
  if (!known || now === undefined || all.length === 0) return undefined;
  if (!known.statistics) return all[nearestIndex(all, steps.value[index] ?? 0)];
  const places = placesOf(known.statistics, state.align.value);
  return all[
    nearestIndex(
      all.map((one) => placeOf(places, one)),
      now,
    )
  ];
}

const referenceQuestion = computed<StackAt | undefined>(() =>
  state.compare.value && state.view.value === 'maps'
    ? referenceAt(step.value ?? 0)
    : undefined,
);

/** Where B's maps are while A is at one of its steps. */
export function referenceAt(step: number): StackAt | undefined {
  const [known, name] = [versusRun.value, tag.value];
  const at = versusStepAt(steps.value.indexOf(step));
  if (!known || name === undefined || at === undefined) return undefined;
  const kept = tagSteps(known.series, name);
  const weight = kind.value !== undefined && isWeightKind(kind.value);
  return {
    run: known.run,
    tag: name,
    step: at,
    wallTime: kept.wall_times[kept.steps.indexOf(at)],
    index: weight ? 0 : sample.value,
  };
}

/** B's maps. */
export const reference = resource<StackAt, Stack>(referenceQuestion, {
  key: stackKey,
  load: loadStack,
  keep: (old, next) => old.run === next.run && old.tag === next.tag,
});

/** A, B and what lies between them; undefined until both are there. */
export const compared = computed(() => {
  const [a, b] = [stack.value.answer, reference.value.answer];
  // While one of them is on its way to another tensor, they are not of a kind.
  if (!a || !b || a.header.path !== b.header.path || a.header.kind !== b.header.kind) {
    return undefined;
  }
  const unlike = mismatch(a, b);
  if (unlike !== undefined) return { a, b, unlike };
  return { a, b, difference: differenceStack(a, b), changes: changesOf(a, b) };
});
