/** What the drawings of histograms share: places, ink, columns and ticks. */
import type { Alignment } from '../alignment';
import { niceTicks } from '../axis';
import { SPECIAL_COLORS } from '../colormaps';
import { formatShare, formatValue } from '../format';
import type { Column, Columns } from '../histogram';
import type { Chart } from '../histogram_chart';
import { BIN_ZERO } from '../wire_format';
import { runColor } from './colors';
import type { Size } from './hooks';

/** What a drawing is of. */
export interface Picture {
  chart: Chart;
  /** Of each run, the index of the step that is marked; −1 of none. */
  currents: readonly number[];
  /** What steps lie at, where they are an axis. */
  alignment: Alignment;
  size: Size;
  /** One of many: without room for more than a few ticks. */
  small: boolean;
}

/** A column at a step of a run, by index. */
export interface Place {
  run: number;
  step: number;
  column: number;
}

/** In CSS pixels. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** A picture laid out: what is drawn, and what lies where, follow from the same numbers. */
export interface Drawing {
  draw: (context: CanvasRenderingContext2D, ink: Ink) => void;
  under: (x: number, y: number) => Place | undefined;
  /** What is marked while the pointer is on a place. */
  box: (place: Place) => Box;
  /** Where along the axis of values a point lies, 0 … 1; of drawings that need it. */
  share?: (x: number) => number;
}

export interface Ink {
  bg: string;
  line: string;
  ink: string;
  soft: string;
  accent: string;
  ridge: string;
  /** By place of the run among all. */
  run: (index: number) => string;
}

export function inkOf(canvas: HTMLCanvasElement): Ink {
  const style = getComputedStyle(canvas);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    bg: value('--bg'),
    line: value('--line'),
    ink: value('--ink'),
    soft: value('--mute'),
    accent: value('--accent'),
    ridge: value('--ridge'),
    run: (index) => value(runColor(index).slice('var('.length, -1)),
  };
}

/** Dashes that tell runs apart without colour; the run that is shown is unbroken. */
export const RUN_DASHES = [[], [7, 3], [2, 2.5], [10, 3, 2, 3], [4, 2]];

export function dashOf(run: number): number[] {
  return RUN_DASHES[run % RUN_DASHES.length];
}

export const SPECIAL_NAMES: Record<NonNullable<Column['special']>, string> = {
  nan: 'NaN',
  positiveInf: '+Inf',
  negativeInf: '−Inf',
};

export function specialColor(special: NonNullable<Column['special']>): string {
  return SPECIAL_COLORS[special];
}

/** Where columns lie along an axis, in CSS pixels from its beginning. */
export interface Along {
  /** Finite columns, then special ones. */
  starts: number[];
  ends: number[];
  /** Where the finite ones begin, and how long they are together. */
  from: number;
  room: number;
}

const MOST_OF_A_COLUMN = 48;

/** −Inf before the finite columns, +Inf and NaN after, each apart. */
export function alongAxis(
  { columns, columnEdges, scale }: Chart,
  length: number,
  small: boolean,
): Along {
  const { finite, special } = columns;
  const [width, gap, zero] = small ? [10, 4, 3] : [34, 14, 6];
  const before = special.filter((column) => column.special === 'negativeInf').length;
  const after = special.length - before;
  const from = before > 0 ? width + gap : 0;
  const most = scale.axis === 'symlog' ? MOST_OF_A_COLUMN * finite.length : length;
  const room = Math.min(most, length - from - (after > 0 ? after * width + gap : 0));
  const starts = finite.map((_, i) => from + columnEdges[i] * room);
  const ends = finite.map((_, i) => from + columnEdges[i + 1] * room);
  const at = finite.findIndex(isZero);
  if (at >= 0 && scale.axis === 'linear') {
    // Zeros alone have no width on a linear axis; they are drawn over their neighbours.
    starts[at] -= zero / 2;
    ends[at] += zero / 2;
  }
  special.forEach((_, i) => {
    const start = i < before ? 0 : from + room + gap + (i - before) * width;
    starts.push(start);
    ends.push(start + width);
  });
  return { starts, ends, from, room };
}

export function isZero(column: Column): boolean {
  return column.first === BIN_ZERO && column.last === BIN_ZERO;
}

/** The column at a place along the axis; zero's lies on top. */
export function columnAt(
  along: Along,
  columns: Columns,
  place: number,
): number | undefined {
  const on = (i: number) => place >= along.starts[i] && place < along.ends[i];
  const zero = columns.finite.findIndex(isZero);
  if (zero >= 0 && on(zero)) return zero;
  const found = along.starts.findIndex((_, i) => on(i));
  return found >= 0 ? found : undefined;
}

/**
 * The outline of a step's columns over a base line, as the context's path: a curve
 * through the columns where they are equally wide, bars where their width counts.
 *
 * @param peak is as high as `extent`; zeros have a scale of their own, for they often
 *   are most values: `zeroExtent` is all.
 */
export function outline(
  context: CanvasRenderingContext2D,
  chart: Chart,
  along: Along,
  heights: Float64Array,
  left: number,
  base: number,
  extent: number,
  zeroExtent: number,
): void {
  const { columns, scale, peak } = chart;
  const { finite } = columns;
  const bars = scale.axis === 'linear';
  const y = (height: number) => base - Math.min(1, height / peak) * extent;
  context.beginPath();
  context.moveTo(left + along.from, base);
  const block = (i: number) => {
    const [start, end] = [left + along.starts[i] + 1, left + along.ends[i] - 1];
    const top = base - heights[i] * zeroExtent;
    context.lineTo(start, base);
    context.lineTo(start, top);
    context.lineTo(end, top);
    context.lineTo(end, base);
  };
  finite.forEach((column, i) => {
    const [start, end] = [left + along.starts[i], left + along.ends[i]];
    if (!isZero(column)) {
      if (bars) {
        context.lineTo(start, y(heights[i]));
        context.lineTo(end, y(heights[i]));
      } else context.lineTo((start + end) / 2, y(heights[i]));
    } else if (!bars) block(i);
  });
  context.lineTo(left + along.from + along.room, base);
  const zero = bars ? finite.findIndex(isZero) : -1;
  if (zero >= 0) {
    context.moveTo(left + along.starts[zero] + 1, base);
    block(zero);
  }
}

/** Bars of −Inf, +Inf and NaN over a base line, with zeros' scale. */
export function specialBars(
  context: CanvasRenderingContext2D,
  columns: Columns,
  along: Along,
  shares: Float64Array,
  left: number,
  base: number,
  extent: number,
): void {
  columns.special.forEach(({ special }, c) => {
    const i = columns.finite.length + c;
    if (!(shares[i] > 0) || !special) return;
    context.fillStyle = specialColor(special);
    // At least two pixels, so that a single NaN can be seen.
    const height = Math.max(2, shares[i] * extent);
    const start = left + along.starts[i] + 1;
    context.fillRect(start, base - height, along.ends[i] - along.starts[i] - 2, height);
  });
}

interface Ruler {
  picture: Pick<Picture, 'chart' | 'size' | 'small'>;
  along: Along;
  ink: Ink;
}

/** Ticks of values that go to the right; figures need more room than powers. */
function ticksAcross({ picture, along }: Ruler) {
  const { ticks, axis } = picture.chart.scale;
  return ticks(Math.min(1, (axis === 'linear' ? 60 : 44) / Math.max(1, along.room)));
}

/** Ticks of values that go upwards. */
export function ticksUp({ picture, along }: Ruler) {
  const apart = picture.small ? 20 : picture.chart.scale.axis === 'linear' ? 38 : 26;
  return picture.chart.scale.ticks(Math.min(1, apart / Math.max(1, along.room)));
}

/** Lines behind what is drawn, at the ticks of values that go to the right. */
export function gridAcross(
  context: CanvasRenderingContext2D,
  ruler: Ruler,
  left: number,
  top: number,
  bottom: number,
): void {
  const { along, ink, picture } = ruler;
  context.strokeStyle = ink.line;
  context.lineWidth = 1;
  for (const { place } of ticksAcross(ruler)) {
    const x = left + along.from + place * along.room;
    line(context, x, top, x, bottom + (picture.small ? 2 : 5));
  }
}

/** Heights that go upwards from `bottom`, as lines behind what is drawn. */
export function heightGrid(
  context: CanvasRenderingContext2D,
  { picture, along, ink }: Ruler,
  left: number,
  bottom: number,
  extent: number,
  labelled = true,
): void {
  const { peak, scale } = picture.chart;
  context.font = font(false);
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.fillStyle = ink.soft;
  context.strokeStyle = ink.line;
  context.lineWidth = 1;
  for (const value of niceTicks(0, peak, Math.max(2, Math.floor(extent / 60)), 0)) {
    const y = crisp(bottom - (value / peak) * extent);
    line(context, left, y, left + along.from + along.room, y);
    const label = scale.axis === 'linear' ? formatValue(value, 3) : formatShare(value);
    if (labelled) context.fillText(label, left - 8, y);
  }
}

/** Values that go to the right, below what is drawn. */
export function labelsAcross(
  context: CanvasRenderingContext2D,
  ruler: Ruler,
  left: number,
  bottom: number,
): void {
  const { along, ink, picture } = ruler;
  const { small, chart } = picture;
  const y = bottom + (small ? 4 : 9);
  context.font = font(small);
  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.fillStyle = ink.soft;
  for (const { place, label } of ticksAcross(ruler)) {
    const x = left + along.from + place * along.room;
    textWithin(context, label, x, y, picture.size.width);
  }
  if (small) return;
  context.fillStyle = ink.ink;
  chart.columns.special.forEach(({ special }, c) => {
    const i = chart.columns.finite.length + c;
    if (special)
      context.fillText(
        SPECIAL_NAMES[special],
        left + (along.starts[i] + along.ends[i]) / 2,
        y,
      );
  });
}

/** Values that go upwards from `bottom`, at the left of `left`. */
export function labelsUp(
  context: CanvasRenderingContext2D,
  ruler: Ruler,
  left: number,
  bottom: number,
): void {
  const { along, ink, picture } = ruler;
  const { small, chart } = picture;
  context.font = font(small);
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.fillStyle = ink.soft;
  context.strokeStyle = ink.line;
  context.lineWidth = 1;
  for (const { place, label } of ticksUp(ruler)) {
    const y = bottom - along.from - place * along.room;
    context.fillText(label, left - (small ? 5 : 8), y);
    line(context, left - 4, crisp(y), left - 1, crisp(y));
  }
  if (small) return;
  context.fillStyle = ink.ink;
  chart.columns.special.forEach(({ special }, c) => {
    const i = chart.columns.finite.length + c;
    const y = bottom - (along.starts[i] + along.ends[i]) / 2;
    if (special) context.fillText(SPECIAL_NAMES[special], left - 8, y);
  });
}

export function font(small: boolean): string {
  return `${small ? 9.5 : 11}px Roboto, system-ui, "Noto Sans", sans-serif`;
}

/** Centred text, moved as far as it must be to stay on a canvas of this width. */
export function textWithin(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  width: number,
): void {
  const half = context.measureText(text).width / 2 + 1;
  context.fillText(text, Math.min(width - half, Math.max(half, x)), y);
}

export function line(
  context: CanvasRenderingContext2D,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
): void {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** A line of one pixel is sharp in the middle of a pixel. */
export function crisp(place: number): number {
  return Math.round(place - 0.5) + 0.5;
}

/** A colour between two of the style sheet's, both written #rrggbb. */
export function mix(from: string, to: string, share: number): string {
  const part = (hex: string, i: number) =>
    Number.parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  const channel = (i: number) =>
    Math.round(part(from, i) * (1 - share) + part(to, i) * share);
  return `rgb(${channel(0)} ${channel(1)} ${channel(2)})`;
}
