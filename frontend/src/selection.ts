/** What there is to see, from a run's description and series. Pure. */
import type { Layer, ModelDescription, Series, StepList, TableRow } from './api';

export const KINDS = [
  'activation',
  'activation_gradient',
  'weight',
  'weight_gradient',
  'input',
  'output',
  'heatmap',
  'feature_visualization',
] as const;
export type Kind = (typeof KINDS)[number];

export const KIND_TITLES: Record<Kind, string> = {
  activation: 'Activation',
  activation_gradient: '∂loss/∂activation',
  weight: 'Weight',
  weight_gradient: '∂loss/∂weight',
  input: 'Input',
  output: 'Output',
  heatmap: 'Heatmap',
  feature_visualization: 'Feature visualisation',
};

/** As `metadata.readable_path`: what TensorBoard can't read back became `_`. */
export function readablePath(path: string): string {
  return path.replace(/["\\\x00-\x1f\x7f]/g, '_');
}

export function tensorTag(kind: string, path: string): string {
  return `${kind}/${readablePath(path)}`;
}

export function isWeightKind(kind: string): boolean {
  return kind.startsWith('weight');
}

/** The tensors of a layer, of one kind: its weights, or its outputs. */
export function tensorPaths(layer: Layer, kind: Kind): string[] {
  if (isWeightKind(kind)) return layer.weights;
  const outputs = layer.outputs.map(({ path }) => path).filter(Boolean);
  return outputs.length > 0 ? outputs : [layer.path];
}

/** What a tensor of a layer is called beside its siblings: "kernel", "output 1". */
export function partTitle(kind: Kind, path: string): string {
  return isWeightKind(kind)
    ? ownName(path)
    : `output ${path.slice(path.lastIndexOf(':') + 1)}`;
}

/** The layer that gives an output; the last one where a single output has another name. */
export function outputLayer(
  { layers, probe }: ModelDescription,
  path: string,
): Layer | undefined {
  const named = layers.find(({ outputs }) => outputs.some((one) => one.path === path));
  return named ?? (probe?.output_paths.length === 1 ? layers.at(-1) : undefined);
}

/** The kinds of which a layer has maps. */
export function mapKinds(layer: Layer, series: Series): Kind[] {
  return KINDS.filter((kind) =>
    tensorPaths(layer, kind).some((path) => tensorTag(kind, path) in series.tags),
  );
}

/** The rows of the tables that describe a layer's tensors, in the order of KINDS. */
export function layerRows(layer: Layer, rows: readonly TableRow[]): number[] {
  const own = rows.flatMap((row, i) => (row.layer_path === layer.path ? [i] : []));
  const rank = (i: number) => {
    const at = KINDS.indexOf(rows[i].kind as Kind);
    return at < 0 ? KINDS.length : at;
  };
  return own.sort((a, b) => rank(a) - rank(b) || a - b);
}

export function rowOf(rows: readonly TableRow[], kind: string, path: string): number {
  return rows.findIndex((row) => row.kind === kind && row.path === path);
}

/** The last part of a path: a weight's own name. */
export function ownName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/**
 * The steps that the scrubber stops at: those of the statistics, which TensorBoard
 * keeps longest, and those of the maps.
 */
export function axisSteps(series: Series): number[] {
  const used = new Set(Object.values(series.tags));
  if (series.statistics !== null) used.add(series.statistics);
  if (series.histograms !== null) used.add(series.histograms);
  const steps = new Set<number>();
  for (const i of used) for (const step of series.steps[i]?.steps ?? []) steps.add(step);
  return [...steps].sort((a, b) => a - b);
}

export function tagSteps(series: Series, tag: string): StepList {
  const i = series.tags[tag];
  return (i === undefined ? undefined : series.steps[i]) ?? { steps: [], wall_times: [] };
}

/** The steps that may have histograms. */
export function histogramSteps({ steps, histograms }: Series): StepList {
  return (
    (histograms === null ? undefined : steps[histograms]) ?? { steps: [], wall_times: [] }
  );
}

/** The tags of a run's heatmaps. */
export function heatmapTags(series: Series): string[] {
  return Object.keys(series.tags).filter((tag) => tag.startsWith('heatmap/'));
}

/** The steps at which there are heatmaps by any method. */
export function heatmapSteps(series: Series): number[] {
  const all = heatmapTags(series).flatMap((tag) => tagSteps(series, tag).steps);
  return [...new Set(all)].sort((a, b) => a - b);
}

/** Index of the last step that is not after `step`; the first where all are after; -1 of none. */
export function stepIndexAt(steps: readonly number[], step: number): number {
  if (steps.length === 0) return -1;
  let [from, to] = [0, steps.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (steps[middle] <= step) from = middle + 1;
    else to = middle;
  }
  return Math.max(0, from - 1);
}

/** Which recorded steps lie next to one, and whether it is one of them. */
export interface Nearby {
  here: boolean;
  before: number | undefined;
  after: number | undefined;
}

export function nearbySteps(steps: readonly number[], at: number): Nearby {
  const i = stepIndexAt(steps, at);
  const here = steps[i] === at;
  const beyond = i >= 0 && steps[i] > at;
  return {
    here,
    before: beyond ? undefined : steps[here ? i - 1 : i],
    after: beyond ? steps[i] : steps[i + 1],
  };
}

/** Index of the step nearest to a place on the axis; -1 of none. */
export function nearestIndex(steps: readonly number[], place: number): number {
  const before = stepIndexAt(steps, place);
  if (before < 0 || before + 1 >= steps.length) return before;
  return place - steps[before] <= steps[before + 1] - place ? before : before + 1;
}

/**
 * Index of the step to open with: the newest that has maps, for they may be recorded
 * more rarely than the rest; the newest of all where none has. −1 of none.
 */
export function newestIndex(steps: readonly number[], series: Series): number {
  let newest = Number.NEGATIVE_INFINITY;
  for (const [tag, i] of Object.entries(series.tags)) {
    // The probe's inputs are recorded once.
    if (tag.startsWith('input/')) continue;
    newest = Math.max(newest, series.steps[i]?.steps.at(-1) ?? newest);
  }
  return newest === Number.NEGATIVE_INFINITY
    ? steps.length - 1
    : stepIndexAt(steps, newest);
}

/** `count` indices spread evenly over 0 … length - 1, both ends among them. */
export function evenIndices(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  if (count === 1) return [length - 1];
  return Array.from({ length: count }, (_, i) =>
    Math.round((i * (length - 1)) / (count - 1)),
  );
}

/** Whether a run has feature maps at all; that of a whole dataset has none. */
export function hasMaps(model: ModelDescription, series: Series): boolean {
  return model.layers.some((layer) => mapKinds(layer, series).length > 0);
}

/**
 * The layer to show first: the first with maps that looks like an image, else with maps,
 * else with rows in the tables.
 */
export function firstLayer(model: ModelDescription, series: Series): Layer | undefined {
  const withMaps = model.layers.filter((layer) => mapKinds(layer, series).length > 0);
  return (
    withMaps.find(
      (layer) => (layer.outputs[0]?.shape.length ?? 0) === 4 && layer.weights.length > 0,
    ) ??
    withMaps[0] ??
    model.layers.find((layer) => model.rows.some((row) => row.layer_path === layer.path)) ??
    model.layers[0]
  );
}

/** Whether a run or layer name matches what was typed: a regex, or plain text if it is none. */
export function matches(name: string, pattern: string): boolean {
  if (!pattern) return true;
  try {
    return new RegExp(pattern, 'i').test(name);
  } catch {
    return name.toLowerCase().includes(pattern.toLowerCase());
  }
}
