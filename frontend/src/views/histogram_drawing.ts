/** Ridges and heat map of histograms on a canvas. */
import { colormap, SPECIAL_COLORS } from '../colormaps';
import { formatCount } from '../format';
import type { Column, Columns, Tick } from '../histogram';
import { evenIndices } from '../selection';
import type { HISTOGRAM_MODES } from '../state';
import { BIN_ZERO } from '../wire_format';
import type { Size } from './hooks';

type Mode = (typeof HISTOGRAM_MODES)[number];

const FONT = '11px Roboto, system-ui, "Noto Sans", sans-serif';
const GAP = 14;
const MOST_RIDGES = 48;

/** Where things lie on the chart, in CSS pixels. */
export interface Frame {
  mode: Mode;
  left: number;
  top: number;
  right: number;
  bottom: number;
  /** Extent of one bin column along its axis. */
  column: number;
  /** Where column i begins along its axis; special ones lie apart. */
  starts: number[];
  /** Which steps are drawn, by index, and where: the baseline of a ridge or the left of a cell. */
  shown: number[];
  places: number[];
  /** Height of the highest ridge, or width of a heat map's cell. */
  extent: number;
  /** Every how many steps is drawn. */
  every: number;
  cell: (
    step: number,
    column: number,
  ) => { left: number; top: number; width: number; height: number };
}

export function chartFrame(
  mode: Mode,
  size: Size,
  columns: Columns,
  steps: number,
  current: number,
): Frame {
  const [finite, special] = [columns.finite.length, columns.special.length];
  const before = columns.special.filter(({ special }) => special === 'negativeInf').length;
  return mode === 'offset'
    ? ridgeFrame(size, finite, special, before, steps, current)
    : heatmapFrame(size, finite, special, before, steps);
}

/** Starts of the columns along an axis: −Inf before the finite ones, +Inf and NaN after. */
function columnStarts(
  from: number,
  room: number,
  finite: number,
  special: number,
  before: number,
): { column: number; starts: number[] } {
  const gaps = (before > 0 ? GAP : 0) + (special > before ? GAP : 0);
  // Special columns are as wide as two, so that they can be named.
  const column = Math.min(48, (room - gaps) / (finite + 2 * special || 1));
  const finiteFrom = from + (before > 0 ? 2 * column + GAP : 0);
  const starts = Array.from({ length: finite }, (_, i) => finiteFrom + i * column);
  for (let i = 0; i < special; i++) {
    starts.push(
      i < before ? from : finiteFrom + finite * column + GAP + (i - before) * 2 * column,
    );
  }
  return { column, starts };
}

function ridgeFrame(
  { width, height }: Size,
  finite: number,
  special: number,
  before: number,
  steps: number,
  current: number,
): Frame {
  const [left, top, right, bottom] = [16, 14, Math.max(60, width - 62), height - 34];
  const { column, starts } = columnStarts(left, right - left, finite, special, before);
  const shown = evenIndices(steps, MOST_RIDGES);
  // The current step is always among them.
  if (current >= 0 && !shown.includes(current)) {
    const at = shown.findIndex((one) => one > current);
    shown.splice(at < 0 ? shown.length : at, 0, current);
  }
  const extent = Math.min((bottom - top) * 0.42, 130);
  const apart = shown.length > 1 ? (bottom - top - extent) / (shown.length - 1) : 0;
  const places = shown.map((_, i) =>
    shown.length > 1 ? top + extent + i * apart : bottom,
  );
  return {
    mode: 'offset',
    left,
    top,
    right,
    bottom,
    column,
    starts,
    shown,
    places,
    extent,
    every: Math.max(1, Math.round(steps / shown.length)),
    cell: (step, index) => {
      const place = places[shown.indexOf(step)] ?? bottom;
      return {
        left: starts[index],
        top: place - 3,
        width: index >= finite ? 2 * column : column,
        height: 3,
      };
    },
  };
}

function heatmapFrame(
  { width, height }: Size,
  finite: number,
  special: number,
  before: number,
  steps: number,
): Frame {
  const [left, top, right, bottom] = [58, 10, width - 12, height - 34];
  // Values go upwards, so starts are measured from the bottom.
  const { column, starts } = columnStarts(0, bottom - top, finite, special, before);
  const extent = Math.min(
    Math.max(110, (right - left) / 12),
    Math.max(1, (right - left) / Math.max(1, steps)),
  );
  const places = Array.from({ length: steps }, (_, i) => left + i * extent);
  return {
    mode: 'heatmap',
    left,
    top,
    right: left + extent * steps,
    bottom,
    column,
    starts,
    shown: places.map((_, i) => i),
    places,
    extent,
    every: 1,
    cell: (step, index) => {
      const size = index >= finite ? 2 * column : column;
      return {
        left: places[step],
        top: bottom - starts[index] - size,
        width: extent,
        height: size,
      };
    },
  };
}

export function columnUnder(frame: Frame, x: number, y: number): number | undefined {
  const along = frame.mode === 'offset' ? x : frame.bottom - y;
  const finite = frame.starts.findIndex(
    (start) => along >= start && along < start + frame.column,
  );
  if (finite >= 0) return finite;
  // The second half of a special column.
  const wide = frame.starts.findIndex(
    (start) => along >= start && along < start + 2 * frame.column,
  );
  return wide >= 0 ? wide : undefined;
}

/** The index of the step under a place: of the nearest ridge, or of the heat map's cell. */
export function stepUnder(frame: Frame, x: number, y: number): number | undefined {
  if (frame.shown.length === 0) return undefined;
  if (frame.mode === 'heatmap') {
    const i = Math.floor((x - frame.left) / frame.extent);
    return i >= 0 && i < frame.shown.length && y <= frame.bottom ? i : undefined;
  }
  // A ridge is taken hold of a little above its baseline, where it is seen.
  let nearest = 0;
  frame.places.forEach((place, i) => {
    if (Math.abs(place - 4 - y) < Math.abs(frame.places[nearest] - 4 - y)) nearest = i;
  });
  return frame.shown[nearest];
}

interface Drawing extends ColumnsAndShares {
  frame: Frame;
  ticks: Tick[];
  steps: readonly number[];
  current: number;
}

interface ColumnsAndShares {
  columns: Columns;
  shares: Float64Array[];
  peak: number;
}

interface Ink {
  bg: string;
  line: string;
  ink: string;
  soft: string;
  accent: string;
  ridge: string;
}

function inkOf(canvas: HTMLCanvasElement): Ink {
  const style = getComputedStyle(canvas);
  const value = (name: string) => style.getPropertyValue(name).trim();
  return {
    bg: value('--bg'),
    line: value('--line'),
    ink: value('--ink'),
    soft: value('--mute'),
    accent: value('--accent'),
    ridge: value('--ridge'),
  };
}

const SPECIAL_NAMES: Record<NonNullable<Column['special']>, string> = {
  nan: 'NaN',
  positiveInf: '+Inf',
  negativeInf: '−Inf',
};

export function drawRidges(context: CanvasRenderingContext2D, drawing: Drawing): void {
  const { frame, columns, shares, peak, steps, current } = drawing;
  const { column, starts, shown, places, extent, bottom, top, right } = frame;
  const ink = inkOf(context.canvas);
  context.font = FONT;
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);

  context.strokeStyle = ink.line;
  context.lineWidth = 1;
  for (const tick of drawing.ticks) {
    const x = crisp(starts[0] + tick.place * column);
    line(context, x, top, x, bottom + 5);
  }
  // Steps recede: far ones first, so that near ones cover them.
  shown.forEach((index, i) => {
    const base = places[i];
    const on = index === current;
    const y = (share: number) => base - Math.min(1, share / peak) * extent;
    const age = shown.length > 1 ? i / (shown.length - 1) : 1;
    context.beginPath();
    let drawn = false;
    let start = starts[0];
    columns.finite.forEach((one, c) => {
      const share = shares[index][c];
      if (Number.isNaN(share)) return;
      if (!drawn) {
        context.moveTo(start, base);
        drawn = true;
      }
      start = starts[c];
      if (one.first === BIN_ZERO) {
        // Zero is a place of its own: a block, not a point of the curve, and with a
        // scale of its own, for it often holds most values.
        const full = shown.length > 1 ? (places[1] - places[0]) * 0.86 : extent;
        context.lineTo(start + 1, base);
        context.lineTo(start + 1, base - share * full);
        context.lineTo(start + column - 1, base - share * full);
        context.lineTo(start + column - 1, base);
      } else {
        context.lineTo(start + column / 2, y(share));
      }
    });
    if (drawn) {
      context.lineTo(starts[columns.finite.length - 1] + column, base);
      context.fillStyle = on
        ? mix(ink.bg, ink.accent, 0.28)
        : mix(ink.bg, ink.ridge, 0.16 + 0.34 * age);
      context.fill();
      context.strokeStyle = on ? ink.accent : mix(ink.bg, ink.ridge, 0.55 + 0.45 * age);
      context.lineWidth = on ? 2 : 1;
      context.stroke();
    }
    columns.special.forEach((one, c) => {
      const share = shares[index][columns.finite.length + c];
      if (!(share > 0) || !one.special) return;
      context.fillStyle = specialColor(one.special);
      // At least two pixels, so that a single NaN can be seen.
      const high = Math.max(2, base - y(share));
      context.fillRect(
        starts[columns.finite.length + c] + 1,
        base - high,
        2 * column - 2,
        high,
      );
    });
  });

  // Numbers of the steps beside their ridges, as many as have room.
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  let free = Number.POSITIVE_INFINITY;
  const label = (i: number) => {
    const on = shown[i] === current;
    context.fillStyle = on ? ink.accent : ink.soft;
    context.fillText(formatCount(steps[shown[i]]), right + 8, places[i]);
  };
  const at = shown.indexOf(current);
  if (at >= 0) label(at);
  for (let i = shown.length - 1; i >= 0; i--) {
    const tooNear = at >= 0 && i !== at && Math.abs(places[i] - places[at]) < 13;
    if (tooNear || i === at || free - places[i] < 13) continue;
    label(i);
    free = places[i];
  }

  context.textAlign = 'center';
  context.textBaseline = 'top';
  context.fillStyle = ink.soft;
  for (const tick of drawing.ticks) {
    context.fillText(tick.label, starts[0] + tick.place * column, bottom + 9);
  }
  columns.special.forEach((one, c) => {
    if (!one.special) return;
    context.fillStyle = ink.ink;
    context.fillText(
      SPECIAL_NAMES[one.special],
      starts[columns.finite.length + c] + column,
      bottom + 9,
    );
  });
}

export function drawHeatmap(context: CanvasRenderingContext2D, drawing: Drawing): void {
  const { frame, columns, shares, peak, steps, current } = drawing;
  const { column, starts, places, left, bottom, top, extent } = frame;
  const ink = inkOf(context.canvas);
  const map = colormap('viridis');
  context.font = FONT;
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  const all = [...columns.finite, ...columns.special];
  shares.forEach((step, i) => {
    all.forEach((one, c) => {
      const share = step[c];
      if (!(share > 0)) return;
      const box = frame.cell(i, c);
      if (one.special) context.fillStyle = specialColor(one.special);
      else {
        const place = Math.sqrt(Math.min(1, share / peak));
        const pixel = map.pixels[Math.round(place * (map.pixels.length - 1))];
        context.fillStyle = `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
      }
      // Half a pixel over, so that no seams show between cells.
      const seam = extent > 6 ? -1 : 0.5;
      context.fillRect(
        box.left,
        box.top,
        box.width + seam,
        box.height + (column > 6 ? -1 : 0.5),
      );
    });
  });

  context.textBaseline = 'middle';
  context.textAlign = 'right';
  context.fillStyle = ink.soft;
  context.strokeStyle = ink.line;
  context.lineWidth = 1;
  for (const tick of drawing.ticks) {
    const y = bottom - starts[0] - tick.place * column;
    context.fillText(tick.label, left - 8, y);
    line(context, left - 5, crisp(y), left - 1, crisp(y));
  }
  columns.special.forEach((one, c) => {
    if (!one.special) return;
    context.fillStyle = ink.ink;
    const y = bottom - starts[columns.finite.length + c] - column;
    context.fillText(SPECIAL_NAMES[one.special], left - 8, y);
  });

  context.textBaseline = 'top';
  context.textAlign = 'center';
  context.fillStyle = ink.soft;
  const labelled = Math.max(1, Math.ceil(70 / extent));
  for (let i = 0; i < steps.length; i += labelled) {
    context.fillText(formatCount(steps[i]), places[i] + extent / 2, bottom + 9);
  }
  if (current >= 0 && current < places.length) {
    context.strokeStyle = ink.accent;
    context.lineWidth = 2;
    context.strokeRect(places[current] - 1, top - 2, extent + 1, bottom - top + 3);
  }
}

function specialColor(special: NonNullable<Column['special']>): string {
  return SPECIAL_COLORS[special];
}

function line(
  context: CanvasRenderingContext2D,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** A line of one pixel is sharp in the middle of a pixel. */
function crisp(place: number): number {
  return Math.round(place - 0.5) + 0.5;
}

/** A colour between two of the style sheet's, both written #rrggbb. */
function mix(from: string, to: string, share: number): string {
  const part = (hex: string, i: number) =>
    Number.parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16);
  const channel = (i: number) =>
    Math.round(part(from, i) * (1 - share) + part(to, i) * share);
  return `rgb(${channel(0)} ${channel(1)} ${channel(2)})`;
}
