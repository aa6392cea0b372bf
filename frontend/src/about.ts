/** What is known of a tensor beside its values: where it is from, and what was left out. Pure. */
import type { Layer, ModelDescription, TableRow } from './api';
import { countedText } from './histogram';
import { formatBytes, formatCount, formatShape, formatValue, plural } from './format';
import { isWeightKind, KIND_TITLES, type Kind } from './selection';
import { batchNote } from './source';
import {
  CODE_MAX,
  HISTOGRAM_BINS,
  type Stack,
  type TensorHeader,
  worstError,
} from './wire_format';

export type Fact = readonly [term: string, text: string];

export interface FactGroup {
  title: string;
  facts: Fact[];
}

/** The layer: what it is, gives and has, and its neighbours in the model. */
export function layerFacts(layer: Layer, layers: readonly Layer[]): FactGroup {
  const below = layers.filter(({ parents }) => parents.includes(layer.path));
  const facts: Fact[] = [
    ['class', [layer.class_name, layer.activation].filter(Boolean).join(', ')],
  ];
  for (const { shape, dtype } of layer.outputs) {
    facts.push(['output', `${formatShape(shape.slice(1))} of ${dtype}`]);
  }
  facts.push([
    'parameters',
    layer.parameter_count === 0
      ? 'none'
      : `${formatCount(layer.parameter_count)}, ${layer.trainable ? '' : 'not '}trainable`,
  ]);
  if (layer.parents.length > 0) facts.push(['reads', layer.parents.join(', ')]);
  if (below.length > 0)
    facts.push(['is read by', below.map(({ path }) => path).join(', ')]);
  return { title: 'The layer', facts: facts.filter(([, text]) => text) };
}

/** A tensor's maps: of what, how much of it was recorded, how exactly, and where it lies. */
export function mapsFacts(stack: Stack, run: string, model: ModelDescription): FactGroup {
  const { header } = stack;
  const size = header.axes.map((axis) => `${axis.name} ${formatCount(axis.size)}`);
  const facts: Fact[] = [
    ['values', `${kindTitle(header.kind)} of ${header.dtype}`],
    ['axes', size.join(' × ') || 'none: a single value'],
  ];
  if (!isWeightKind(header.kind)) {
    const batch = batchNote(header.kind, model.maps_source);
    const whole = batch ? header.blobs : (model.probe?.samples ?? header.blobs);
    facts.push([
      'samples',
      `${firstOf(header.blobs, whole)}, ${batch || 'of the probe'}; sample ${stack.index} here`,
    ]);
  }
  facts.push(['shown', header.axes.flatMap(axisText).join('; ') || 'every value']);
  facts.push(['exactness', exactness(stack)]);
  const codes = stack.codes.length * (ITEM_BYTES[header.precision] ?? 1);
  if (stack.storedBytes !== undefined) {
    const sample = header.blobs > 1 ? ` a sample, as sample ${stack.index}` : '';
    facts.push([
      'bytes',
      `${formatBytes(stack.storedBytes)}${sample}; ${formatBytes(codes)} before compression`,
    ]);
  }
  facts.push(
    ['recorded', recorded(header.step, header.epoch, header.wall_time)],
    ['lies in', `run ${run}, tag ${header.kind}/${header.path}`],
  );
  return { title: 'These maps', facts };
}

const ITEM_BYTES: Record<string, number> = { uint8: 1, float16: 2, float32: 4 };

function kindTitle(kind: string): string {
  return KIND_TITLES[kind as Kind] ?? kind;
}

/** What of an axis is shown, where it is not all. */
function axisText({ name, size, stored, pooling }: TensorHeader['axes'][number]): string[] {
  if (name === 'batch' || (stored === size && pooling <= 1)) return [];
  return [
    pooling > 1
      ? `${name} ${formatCount(stored)}, means of ${formatCount(pooling)} each`
      : `${name} ${firstOf(stored, size)}`,
  ];
}

/** "all 64", "the first 64 of 512" */
function firstOf(stored: number, whole: number): string {
  return stored < whole
    ? `the first ${formatCount(stored)} of ${formatCount(whole)}`
    : `all ${formatCount(whole)}`;
}

function exactness(stack: Stack): string {
  const { precision } = stack.header;
  if (precision === 'float32') return 'float32, as they were computed';
  let worst = 0;
  for (let channel = 0; channel < stack.channels; channel++) {
    worst = Math.max(worst, worstError(stack, channel));
  }
  const here = `± ${formatValue(worst, 2)} at most here`;
  if (precision === 'float16') return `float16, 11 significant bits; ${here}`;
  return `uint8, ± 1/${2 * CODE_MAX} of each map’s range; ${here}`;
}

function recorded(step: number, epoch: number, wallTime: number): string {
  const parts = [`step ${formatCount(step)}`];
  if (epoch >= 0) parts.push(`epoch ${formatCount(epoch)}`);
  if (wallTime > 0) parts.push(new Date(1000 * wallTime).toLocaleString('en-GB'));
  return parts.join(', ');
}

/** A row of the histogram table: of what, what is counted into which bins, where it lies. */
export function histogramFacts(
  entry: TableRow,
  row: number,
  run: string,
  model: ModelDescription,
  counted: { count: number; counted: number } | undefined,
): FactGroup {
  const batch = batchNote(entry.kind, model.tables_source);
  const facts: Fact[] = [
    ['values', `${kindTitle(entry.kind)} of ${entry.dtype}`],
    ['shape', formatShape(entry.shape) || 'a single value'],
    ['counted', countedText(entry.shape, entry.histogram_stride, counted)],
    ['of', batch || (isWeightKind(entry.kind) ? '' : 'all samples of the probe')],
    ['bins', 'half octaves from 2⁻²⁴ to 2¹⁶ of either sign; beyond, 0, ±∞ and NaN apart'],
    ['bytes', `${formatBytes(4 * HISTOGRAM_BINS)} a record, before compression`],
    ['lies in', `run ${run}, tag histograms, row ${row}`],
  ];
  return { title: 'These histograms', facts: facts.filter(([, text]) => text) };
}

/** What the run's recorder was told, and planned by it. */
export function recorderFacts(model: ModelDescription): FactGroup {
  const pairs = (all: ModelDescription['settings']) =>
    all.map(({ name, value }) => `${name} ${value}`).join(' · ');
  const facts: Fact[] = [
    ['planned', planText(model)],
    ['settings', pairs(model.settings)],
    ['versions', pairs(model.versions)],
  ];
  return { title: 'The recorder', facts: facts.filter(([, text]) => text) };
}

/** What a record and the run were planned to take, before anything was written. */
export function planText(model: ModelDescription): string {
  const { planned_bytes_per_record, planned_records } = model;
  const { budget_bytes_per_record, budget_bytes_per_run } = model;
  const limit = (budget: number) => (budget > 0 ? ` (budget ${formatBytes(budget)})` : '');
  const parts: string[] = [];
  if (planned_bytes_per_record > 0) {
    parts.push(
      `about ${formatBytes(planned_bytes_per_record)} of maps a record${limit(budget_bytes_per_record)}`,
    );
  }
  if (planned_records > 0) parts.push(`${plural(planned_records, 'record')} in all`);
  if (budget_bytes_per_run > 0) {
    parts.push(`budget of the run ${formatBytes(budget_bytes_per_run)}`);
  }
  return parts.join('; ');
}
