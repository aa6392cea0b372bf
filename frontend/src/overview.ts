/** The layer × step matrix of a statistic: its rows, its colours, its pixels. Pure. */
import type { ModelDescription, Statistics } from './api';
import { type Colormap, SPECIAL_PIXELS } from './colormaps';
import { type Domain, valueToPixel } from './heatmap';
import { ownName } from './selection';

/** What each statistic is called on the page. */
export const STATISTIC_TITLES: Record<string, string> = {
  l2_norm: 'L2 norm',
  mean: 'Mean',
  std: 'Standard deviation',
  min: 'Least value',
  max: 'Greatest value',
  zero_fraction: 'Share of zeros',
  dead_fraction: 'Share of dead channels',
  saturated_fraction: 'Share saturated',
  update_ratio: 'Update ÷ weight',
  nan_count: 'NaN values',
  positive_inf_count: '+Inf values',
  negative_inf_count: '−Inf values',
  count: 'Values',
};

/** The statistics to choose from, as far as a run has them, and in this order. */
export function statisticChoices(known: readonly string[]): string[] {
  const named = Object.keys(STATISTIC_TITLES).filter((name) => known.includes(name));
  return [...named, ...known.filter((name) => !(name in STATISTIC_TITLES))];
}

/** How values of a statistic become colours. */
export type Scale = 'log' | 'linear' | 'share' | 'signed';

export function scaleOf(statistic: string): Scale {
  if (['l2_norm', 'std', 'update_ratio', 'count'].includes(statistic)) return 'log';
  if (statistic.endsWith('_fraction')) return 'share';
  return ['mean', 'min', 'max'].includes(statistic) ? 'signed' : 'linear';
}

/** A row of the matrix: a row of the tables, under the name that it has beside its kind. */
export interface MatrixRow {
  row: number;
  layer: string;
  /** The layer's path, with the tensor's own name where it has several. */
  label: string;
}

/** The rows of a kind that a run has, in the order of the model. */
export function matrixRows(model: ModelDescription, kind: string): MatrixRow[] {
  const order = new Map(model.layers.map(({ path }, i) => [path, i]));
  return model.rows
    .flatMap((entry, row): MatrixRow[] =>
      entry.kind === kind
        ? [{ row, layer: entry.layer_path, label: labelOf(entry.path, entry.layer_path) }]
        : [],
    )
    .sort((a, b) => (order.get(a.layer) ?? 0) - (order.get(b.layer) ?? 0) || a.row - b.row);
}

function labelOf(path: string, layer: string): string {
  // Weights of nested layers have paths of their own in some models.
  return path.startsWith(layer) ? path : `${layer}/${ownName(path)}`;
}

/** Values [row, step] of a matrix, and which of its cells hold NaN or ±Inf values. */
export interface Cells {
  rows: number;
  steps: number;
  values: Float32Array;
  /** 1 where the tensor had NaN or ±Inf, which its statistics leave out. */
  broken: Uint8Array;
  /** 0 where the record left the row out. */
  recorded: Uint8Array;
}

export function cellsOf(
  model: ModelDescription,
  statistics: Statistics,
  rows: readonly MatrixRow[],
  statistic: string,
): Cells {
  const steps = statistics.steps.length;
  const size = rows.length * steps;
  const cells: Cells = {
    rows: rows.length,
    steps,
    values: new Float32Array(size).fill(Number.NaN),
    broken: new Uint8Array(size),
    recorded: new Uint8Array(size),
  };
  const column = (name: string) => model.statistics.indexOf(name);
  const [count, wanted] = [column('count'), column(statistic)];
  const odd = ['nan_count', 'positive_inf_count', 'negative_inf_count']
    .map(column)
    .filter((at) => at >= 0);
  for (const [r, { row }] of rows.entries()) {
    if (row >= statistics.rows) continue;
    for (let i = 0; i < steps; i++) {
      const from = (i * statistics.rows + row) * statistics.columns;
      const to = r * steps + i;
      if (wanted >= 0) cells.values[to] = statistics.values[from + wanted];
      if (count < 0 || !Number.isNaN(statistics.values[from + count])) {
        cells.recorded[to] = 1;
      }
      if (odd.some((at) => statistics.values[from + at] > 0)) cells.broken[to] = 1;
    }
  }
  return cells;
}

// Beyond so many decades below the greatest all is one colour.
const MOST_DECADES = 12;

/** What a colour map spans over several matrices, on their scale: log10 of values for `log`. */
export function scaleDomain(all: readonly Cells[], scale: Scale): Domain | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { values } of all) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (!Number.isFinite(value) || (scale === 'log' && value <= 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return undefined;
  if (scale === 'share') return { low: 0, high: 1 };
  if (scale === 'linear') return { low: Math.min(0, low), high };
  if (scale === 'signed') {
    const largest = Math.max(Math.abs(low), Math.abs(high));
    return { low: 0 - largest, high: largest };
  }
  const top = Math.log10(high);
  return { low: Math.max(Math.log10(low), top - MOST_DECADES), high: top };
}

/**
 * The cells of A against those of B, [row of A, step of A]: as log10 (A ÷ B) where the
 * scale is logarithmic, else as A − B.
 *
 * Args:
 *   partners: for each row of A that of B, −1 of none.
 *   matches: for each step of A that of B, −1 of none.
 */
export function differences(
  a: Cells,
  b: Cells,
  partners: readonly number[],
  matches: readonly number[],
  scale: Scale,
): Cells {
  const found: Cells = {
    ...a,
    values: new Float32Array(a.values.length).fill(Number.NaN),
    broken: new Uint8Array(a.values.length),
    recorded: new Uint8Array(a.values.length),
  };
  for (let row = 0; row < a.rows; row++) {
    for (let i = 0; i < a.steps; i++) {
      if (partners[row] < 0 || matches[i] < 0) continue;
      const [at, other] = [row * a.steps + i, partners[row] * b.steps + matches[i]];
      found.recorded[at] = a.recorded[at] & b.recorded[other];
      found.broken[at] = a.broken[at] | b.broken[other];
      found.values[at] = difference(a.values[at], b.values[other], scale);
    }
  }
  return found;
}

export function difference(a: number, b: number, scale: Scale): number {
  if (scale !== 'log') return a - b;
  // Both 0 are the same; one 0 is beyond any ratio.
  return a === b ? 0 : Math.log10(a / b);
}

/** For each step of A the nearest of B, by place; −1 of those outside of B's records. */
export function matchSteps(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  const [from, to] = cellEdges(b);
  return Array.from(a, (place) => {
    for (let i = 0; i < b.length; i++) if (place >= from[i] && place <= to[i]) return i;
    return -1;
  });
}

/** From where to where the cell of each step reaches: halfway to its neighbours. */
export function cellEdges(places: ArrayLike<number>): [Float64Array, Float64Array] {
  const from = new Float64Array(places.length);
  const to = new Float64Array(places.length);
  const last = places.length - 1;
  for (let i = 0; i <= last; i++) {
    const before = i > 0 ? places[i] - places[i - 1] : places[1] - places[0];
    const after = i < last ? places[i + 1] - places[i] : places[last] - places[last - 1];
    // A single step has no neighbours to reach halfway to.
    from[i] = places[i] - (Number.isNaN(before) ? 1 : before) / 2;
    to[i] = places[i] + (Number.isNaN(after) ? 1 : after) / 2;
  }
  return [from, to];
}

/** Which steps lie under each pixel of a row: from, to (both included); −1 of none. */
export interface Columns {
  first: Int32Array;
  last: Int32Array;
}

export function pixelColumns(
  places: ArrayLike<number>,
  span: Domain,
  width: number,
): Columns {
  const columns = {
    first: new Int32Array(width).fill(-1),
    last: new Int32Array(width).fill(-1),
  };
  const [from, to] = cellEdges(places);
  const scale = width / (span.high - span.low);
  for (let i = 0; i < places.length; i++) {
    // Every pixel that it touches; an edge that rounding puts just beyond one does not.
    const start = Math.max(0, Math.floor((from[i] - span.low) * scale + 1e-6));
    const end = Math.ceil((to[i] - span.low) * scale - 1e-6);
    for (let x = start; x < Math.min(width, end); x++) {
      if (columns.first[x] < 0) columns.first[x] = i;
      columns.last[x] = i;
    }
  }
  return columns;
}

/**
 * The pixels of a matrix, [row, x]: the last step under a pixel that was recorded, but
 * a broken one before all others, so that none is lost between pixels. What was not
 * recorded is transparent.
 */
export function matrixPixels(
  cells: Cells,
  columns: Columns,
  scale: Scale,
  domain: Domain,
  map: Colormap,
): Uint32Array {
  const width = columns.first.length;
  const pixels = new Uint32Array(width * cells.rows);
  for (let row = 0; row < cells.rows; row++) {
    for (let x = 0; x < width; x++) {
      const at = cellUnder(cells, row, columns.first[x], columns.last[x]);
      if (at >= 0) pixels[row * width + x] = cellPixel(cells, at, scale, domain, map);
    }
  }
  return pixels;
}

/** Index of the cell that a pixel shows; −1 of none. */
export function cellUnder(cells: Cells, row: number, first: number, last: number): number {
  let found = -1;
  for (let i = last; i >= first && i >= 0; i--) {
    const at = row * cells.steps + i;
    if (cells.broken[at]) return at;
    if (found < 0 && cells.recorded[at]) found = at;
  }
  return found;
}

function cellPixel(
  cells: Cells,
  at: number,
  scale: Scale,
  domain: Domain,
  map: Colormap,
): number {
  if (cells.broken[at]) return SPECIAL_PIXELS.nan;
  const value = cells.values[at];
  // A statistic that the tensor has not, as the update of an activation.
  if (Number.isNaN(value)) return 0;
  if (scale !== 'log') return valueToPixel(value, domain, map);
  return value > 0 ? valueToPixel(Math.log10(value), domain, map) : map.pixels[0];
}
