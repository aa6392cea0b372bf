/** What the reader can do, by pointer or key. */
import { batch, computed, effect, signal } from '@preact/signals';
import { flips } from './flip_store';
import { nextFlipStep } from './flips';
import { layerTree, treeRows } from './layer_tree';
import {
  isWeightKind,
  type Kind,
  matches,
  nearbySteps,
  nearestIndex,
  stepIndexAt,
} from './selection';
import { stepPlaces } from './shown_runs';
import { PLAY_SPEEDS, state, VIEWS } from './state';
import { stack } from './maps_store';
import {
  chosenSamples,
  data,
  kind,
  layer,
  newestIndex,
  primaryRun,
  sample,
  sampleCount,
  shownRuns,
  shownSteps,
  step,
  stepIndex,
  steps,
  viewLoading,
} from './store';

/** What is typed into the search of layers and runs; not worth a link. */
export const layerSearch = signal('');
export const runFilter = signal('');

export const playing = signal(false);
export const keysShown = signal(false);

/** Which of A and B a flicker shows, and whether they take turns by themselves. */
export const turn = signal<'a' | 'b'>('a');
export const turning = signal(true);

export function otherTurn(): void {
  turn.value = turn.value === 'a' ? 'b' : 'a';
}

/** Moves the scrubber to a recorded step; on the newest one it follows newer ones. */
export function goToIndex(index: number): void {
  const all = steps.value;
  if (all.length === 0) return;
  const at = Math.max(0, Math.min(all.length - 1, index));
  state.step.value = at === newestIndex.value ? null : all[at];
}

export function goToStep(at: number): void {
  playing.value = false;
  goToIndex(stepIndexAt(steps.value, at));
}

/** Moves the scrubber to the recorded step nearest to a place on the axis. */
export function goToPlace(place: number): void {
  playing.value = false;
  goToIndex(nearestIndex(stepPlaces.value, place));
}

export function moveStep(by: number): void {
  goToIndex(stepIndex.value + by);
}

/** The next step before or after the scrubber's that has what the view shows. */
function shownStep(side: 'before' | 'after'): number | undefined {
  const at = step.value;
  return at === undefined ? undefined : nearbySteps(shownSteps.value, at)[side];
}

export function moveShownStep(side: 'before' | 'after'): void {
  const next = shownStep(side);
  if (next !== undefined) goToStep(next);
}

/** The next step before or after the scrubber's at which a prediction changed. */
export function moveFlip(side: 'before' | 'after'): void {
  const next = nextFlipStep(flips.value, step.value ?? 0, side);
  if (next !== undefined) goToStep(next);
}

export function togglePlay(): void {
  const wanted = !playing.value && shownSteps.value.length > 1;
  if (wanted && shownStep('after') === undefined) goToStep(shownSteps.value[0]);
  playing.value = wanted;
}

/** The next slower or faster speed of playing. */
export function changeSpeed(by: -1 | 1): void {
  const next = PLAY_SPEEDS[PLAY_SPEEDS.indexOf(state.speed.value) + by];
  if (next !== undefined) state.speed.value = next;
}

/**
 * Advances while playing, from step to step that has what the view shows, and never
 * before its maps are on the page.
 */
export function runPlayer(): () => void {
  return effect(() => {
    if (!playing.value) return;
    if (step.value === undefined || stack.value.loading || viewLoading.value) return;
    const timer = setTimeout(
      () => {
        const next = shownStep('after');
        if (next !== undefined) goToIndex(stepIndexAt(steps.value, next));
        if (shownStep('after') === undefined) playing.value = false;
      },
      1000 / Number(state.speed.value),
    );
    return () => clearTimeout(timer);
  });
}

export function selectLayer(path: string): void {
  batch(() => {
    if (path !== layer.value?.path) resetWindow();
    state.layer.value = path;
    state.tile.value = null;
  });
}

/** Shows a run; the one shown before stays beside it. */
export function showRun(run: string): void {
  if (primaryRun.value?.run === run) return;
  batch(() => {
    state.beside.value = shownRuns.value.filter((one) => one !== run);
    state.run.value = run;
  });
}

/** Opens what is recorded of a layer of a run at a step: its maps. */
export function openLayer(run: string, path: string, at: number, what?: Kind): void {
  batch(() => {
    showRun(run);
    selectLayer(path);
    if (what) selectKind(what);
    state.view.value = 'maps';
    playing.value = false;
    state.step.value = at;
  });
}

/** Takes the line of a layer away; without any, that of the chosen layer is drawn. */
export function removeLine(path: string): void {
  const left = (state.lines.value ?? []).filter((one) => one !== path);
  state.lines.value = left.length > 0 ? left : null;
}

/** The layers that the search lets through. */
export const listedLayers = computed(() =>
  (data.value?.model.layers ?? []).filter((one) => matches(one.path, layerSearch.value)),
);

/** Groups of the tree that the reader has closed; a search looks into them. */
const closedGroups = signal<ReadonlySet<string>>(new Set());

export const layerRows = computed(() =>
  treeRows(
    layerTree(listedLayers.value.map(({ path }) => path)),
    layerSearch.value ? new Set() : closedGroups.value,
  ),
);

export function toggleGroup(path: string): void {
  const closed = new Set(closedGroups.value);
  if (!closed.delete(path)) closed.add(path);
  closedGroups.value = closed;
}

/** The colour map spans what its normalisation says: a window is of one tensor. */
export function resetWindow(): void {
  state.low.value = null;
  state.high.value = null;
}

/** The next layer as they are listed. */
export function moveLayer(by: number): void {
  const listed = layerRows.value.filter(({ node }) => node.isLayer);
  const at = listed.findIndex(({ node }) => node.path === layer.value?.path);
  const next = listed[Math.max(0, Math.min(listed.length - 1, at + by))];
  if (next) selectLayer(next.node.path);
}

export function moveSample(by: number): void {
  selectSample(Math.max(0, Math.min(sampleCount.value - 1, sample.value + by)));
}

/** Shows one sample alone. */
export function selectSample(index: number): void {
  selectSamples([index], index);
}

/** Shows a sample beside those that are shown, or no longer. */
export function toggleSample(index: number): void {
  const shown = chosenSamples.value;
  if (!shown.includes(index)) selectSamples([...shown, index], sample.value);
  else if (shown.length > 1) {
    const left = shown.filter((one) => one !== index);
    selectSamples(left, index === sample.value ? left[0] : sample.value);
  }
}

/** Shows samples side by side, one of them in the details. */
export function selectSamples(indices: readonly number[], main: number): void {
  batch(() => {
    state.samples.value = indices.length > 1 ? [...indices].sort((a, b) => a - b) : null;
    state.sample.value =
      main === (indices.length > 1 ? Math.min(...indices) : 0) ? null : main;
  });
}

/** Shows a map in the details, of the sample and step that it is of; again, closes them. */
export function selectTile(
  channel: number,
  at: { sample?: number; step?: number } = {},
): void {
  const open =
    state.tile.value === channel &&
    (at.sample ?? sample.value) === sample.value &&
    (at.step ?? step.value) === step.value;
  batch(() => {
    state.tile.value = open ? null : channel;
    if (at.sample !== undefined) selectSamples(chosenSamples.value, at.sample);
    if (at.step !== undefined && at.step !== step.value) goToStep(at.step);
  });
}

/** Counts changes from this step on, and sorts by them; null counts from none. */
export function pinStep(at: number | null): void {
  batch(() => {
    state.pin.value = at;
    if (at !== null) state.order.value = 'pinned';
    else if (state.order.value === 'pinned') state.order.value = 'index';
  });
}

export function selectKind(next: typeof state.kind.value): void {
  batch(() => {
    // Channels of another kind are other things: filters, units, inputs.
    if (isWeightKind(next) !== isWeightKind(kind.value ?? '')) state.tile.value = null;
    if (next !== kind.value) resetWindow();
    state.kind.value = next;
  });
}

/** The keys of the page, shown by `?`; what acts only where it has the focus runs nothing. */
export const KEYS: { keys: string[]; what: string; run: Record<string, () => void> }[] = [
  {
    keys: ['←', '→'],
    what: 'step back, forward',
    run: { ArrowLeft: () => moveStep(-1), ArrowRight: () => moveStep(1) },
  },
  {
    keys: [',', '.'],
    what: 'step before, after that has what is shown',
    run: { ',': () => moveShownStep('before'), '.': () => moveShownStep('after') },
  },
  {
    keys: ['Page Up', 'Page Down'],
    what: 'ten steps forward, back',
    run: { PageUp: () => moveStep(10), PageDown: () => moveStep(-10) },
  },
  {
    keys: ['Home', 'End'],
    what: 'first step, newest step (and follow it)',
    run: { Home: () => goToIndex(0), End: () => goToIndex(Number.POSITIVE_INFINITY) },
  },
  {
    keys: ['P', 'N'],
    what: 'change of a prediction before, after',
    run: { p: () => moveFlip('before'), n: () => moveFlip('after') },
  },
  { keys: ['Space'], what: 'play, pause', run: { ' ': togglePlay } },
  {
    keys: ['<', '>'],
    what: 'play slower, faster',
    run: { '<': () => changeSpeed(-1), '>': () => changeSpeed(1) },
  },
  {
    keys: ['K', 'J'],
    what: 'layer above, below',
    run: { k: () => moveLayer(-1), j: () => moveLayer(1) },
  },
  {
    keys: ['[', ']'],
    what: 'sample before, after',
    run: { '[': () => moveSample(-1), ']': () => moveSample(1) },
  },
  {
    keys: ['Ctrl + Enter'],
    what: 'on a sample: show it beside the others, or no longer',
    run: {},
  },
  {
    keys: ['Arrows'],
    what: 'on a divider: its place; on units over steps: the cell',
    run: {},
  },
  {
    keys: VIEWS.map((_, i) => String(i + 1)),
    what: 'overview, feature maps, heatmaps, histograms',
    run: Object.fromEntries(
      VIEWS.map((view, i) => [
        String(i + 1),
        () => {
          state.view.value = view;
        },
      ]),
    ),
  },
  {
    keys: ['I'],
    what: 'about the shown tensor',
    run: {
      i: () => {
        state.about.value = !state.about.value;
      },
    },
  },
  {
    keys: ['C'],
    what: 'compare with another run or step',
    run: {
      c: () => {
        state.compare.value = !state.compare.value;
      },
    },
  },
  {
    keys: ['X'],
    what: 'the other of A and B, while they flicker',
    run: {
      x: () => {
        turning.value = false;
        otherTurn();
      },
    },
  },
  {
    keys: ['O'],
    what: 'the image alone, the heatmap over it',
    run: {
      o: () => {
        state.picture.value = state.picture.value === 'image' ? 'overlay' : 'image';
      },
    },
  },
  {
    keys: ['Esc'],
    what: 'close details, this sheet',
    run: {
      Escape: () => {
        if (keysShown.value) keysShown.value = false;
        else if (state.view.value === 'heatmaps') state.heat.value = '';
        else state.tile.value = null;
      },
    },
  },
  {
    keys: ['?'],
    what: 'this sheet',
    run: {
      '?': () => {
        keysShown.value = !keysShown.value;
      },
    },
  },
];

/** Runs the key's action, unless something that takes keys itself has the focus. */
export function handleKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as HTMLElement | null;
  const typed = 'input:not([type=checkbox], [type=radio], [type=range]), select, textarea';
  if (target?.closest(typed)) return;
  // A slider takes the keys that have names: arrows, Home.
  if (event.key.length > 1 && target?.closest('[type=range]')) return;
  // Space presses the button that has the focus.
  if (event.key === ' ' && target?.closest('button, a, [role=option], label, input'))
    return;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = KEYS.find((entry) => name in entry.run)?.run[name];
  if (!action) return;
  event.preventDefault();
  action();
}
