/** Two histograms, A and B, with what lies between them: A − B, bin by bin. */
import { formatValue } from '../format';
import { type Chart, heightDifferences } from '../histogram_chart';
import type { HISTOGRAM_COMPARISONS } from '../state';
import {
  type Along,
  alongAxis,
  columnAt,
  crisp,
  dashOf,
  type Drawing,
  font,
  gridAcross,
  heightGrid,
  type Ink,
  labelsAcross,
  line,
  outline,
  specialColor,
} from './histogram_axes';
import type { Size } from './hooks';

/** What a drawing of A and B, the two runs of the chart, is of. */
export interface ComparedPicture {
  chart: Chart;
  comparison: (typeof HISTOGRAM_COMPARISONS)[number];
  /** Which of the two a flicker shows. */
  turn: 'a' | 'b';
  /** Where the line of a swipe lies, as a share of the axis. */
  swipe: number;
  size: Size;
  small: boolean;
}

type Part = 'both' | 'a' | 'b' | 'difference';

interface Panel {
  part: Part;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export function comparedDrawing(picture: ComparedPicture): Drawing {
  const { chart, size, small } = picture;
  const panels = panelsOf(picture);
  const along = alongAxis(chart, panels[0].right - panels[0].left, small);
  const stacked = panels.every(({ left }) => left === panels[0].left);
  const panelAt = (x: number) =>
    stacked ? 0 : panels.findIndex(({ left, right }) => x >= left && x < right);
  return {
    draw: (context, ink) => {
      context.lineJoin = 'round';
      panels.forEach((panel, i) => {
        const ruler = { picture, along, ink };
        const extent = panel.bottom - panel.top;
        gridAcross(context, ruler, panel.left, panel.top, panel.bottom);
        if (panel.part === 'difference') differences(context, picture, along, ink, panel);
        else {
          if (!small)
            heightGrid(
              context,
              ruler,
              panel.left,
              panel.bottom,
              extent,
              stacked || i === 0,
            );
          sides(context, picture, along, ink, panel);
        }
        // Panels over each other share the axis below them.
        if (!stacked || i === panels.length - 1)
          labelsAcross(context, ruler, panel.left, panel.bottom);
      });
    },
    under: (x, y) => {
      const run = panelAt(x);
      if (run < 0 || y > size.height - 14) return undefined;
      const column = columnAt(along, chart.columns, x - panels[run].left);
      return column === undefined ? undefined : { run, step: 0, column };
    },
    box: ({ run, column }) => {
      const { left, top } = panels[run];
      const { bottom } = panels[stacked ? panels.length - 1 : run];
      const width = along.ends[column] - along.starts[column];
      return { left: left + along.starts[column], top, width, height: bottom - top };
    },
    share: (x) => {
      const { left, right } = panels[0];
      return Math.max(0, Math.min(1, (x - left) / (right - left)));
    },
  };
}

const GAP = 26;
/** Of the height that A − B has below A and B. */
const DIFFERENCE_SHARE = 0.36;
/** Shorter axes next to each other could not be read, in pixels. */
const LEAST_ROOM = 130;

/** A and B over A − B; or all three on axes of one length, next to each other if they fit. */
function panelsOf({ chart, comparison, size, small }: ComparedPicture): Panel[] {
  if (small)
    return [
      { part: 'both', left: 6, right: size.width - 6, top: 6, bottom: size.height - 17 },
    ];
  const [left, right, top, bottom] = [62, size.width - 16, 20, size.height - 34];
  if (comparison !== 'side') {
    const middle = bottom - DIFFERENCE_SHARE * (bottom - top);
    return [
      { part: 'both', left, right, top, bottom: middle - GAP / 2 },
      { part: 'difference', left, right, top: middle + GAP / 2, bottom },
    ];
  }
  const parts = ['a', 'b', 'difference'] as const;
  // The difference has figures of its own at its left.
  const room = (right - left - GAP - left) / 3;
  if (alongAxis(chart, room, small).room < LEAST_ROOM) {
    const extent = (bottom - top - 2 * GAP) / 3;
    return parts.map((part, i) => {
      const from = top + i * (extent + GAP);
      return { part, left, right, top: from, bottom: from + extent };
    });
  }
  const from = [left, left + room + GAP, left + 2 * room + GAP + left];
  return parts.map((part, i) => {
    return { part, left: from[i], right: from[i] + room, top, bottom };
  });
}

/** The colours of A and B: of their runs, or where both are one run, a calm one for B. */
function colorOf(ink: Ink, { runs: [a, b] }: Chart, side: number): string {
  if (side === 0) return ink.run(a.index);
  return a.run === b.run ? ink.ridge : ink.run(b.index);
}

/** What a panel shows of A and B. */
function sides(
  context: CanvasRenderingContext2D,
  picture: ComparedPicture,
  along: Along,
  ink: Ink,
  panel: Panel,
): void {
  const { comparison, turn, swipe } = picture;
  const { left, right, top, bottom } = panel;
  const shown = panel.part === 'both' && comparison === 'flicker' ? turn : panel.part;
  if (panel.part !== 'both' || comparison !== 'swipe') {
    if (shown !== 'b') side(context, picture, along, ink, panel, 0);
    if (shown !== 'a') side(context, picture, along, ink, panel, 1);
    if (shown !== 'both') title(context, ink, panel, shown.toUpperCase());
    return;
  }
  const at = left + swipe * (right - left);
  const within = (from: number, to: number, which: number) => {
    context.save();
    context.beginPath();
    context.rect(from, top - 8, to - from, bottom - top + 9);
    context.clip();
    side(context, picture, along, ink, panel, which);
    context.restore();
  };
  within(left - 2, at, 0);
  within(at, right + 2, 1);
  context.strokeStyle = ink.accent;
  context.lineWidth = 2;
  line(context, at, top - 8, at, bottom);
  context.font = font(false);
  context.fillStyle = ink.ink;
  context.textBaseline = 'bottom';
  context.textAlign = 'right';
  context.fillText('A', at - 6, top);
  context.textAlign = 'left';
  context.fillText('B', at + 6, top);
}

function title(
  context: CanvasRenderingContext2D,
  ink: Ink,
  { left, top }: Panel,
  text: string,
): void {
  context.font = font(false);
  context.textAlign = 'left';
  context.textBaseline = 'bottom';
  context.fillStyle = ink.ink;
  context.fillText(text, left, top - 6);
}

/** A filled outline of A or B. */
function side(
  context: CanvasRenderingContext2D,
  { chart, small }: ComparedPicture,
  along: Along,
  ink: Ink,
  { left, top, bottom }: Panel,
  which: number,
): void {
  const { columns } = chart;
  const { heights, shares } = chart.runs[which];
  const extent = bottom - top;
  const color = colorOf(ink, chart, which);
  columns.special.forEach(({ special }, c) => {
    const i = columns.finite.length + c;
    const [start, end] = halfOf(along, i, which);
    if (!(shares[0][i] > 0) || !special) return;
    const height = Math.max(2, shares[0][i] * extent);
    context.fillStyle = specialColor(special);
    context.fillRect(left + start, bottom - height, end - start, height);
    context.fillStyle = color;
    context.fillRect(left + start, bottom - height - 2, end - start, 2);
  });
  if (Number.isNaN(shares[0][0])) return;
  outline(context, chart, along, heights[0], left, bottom, extent, extent);
  context.globalAlpha = 0.16;
  context.fillStyle = color;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = color;
  context.lineWidth = small ? 1.5 : 2;
  context.setLineDash(dashOf(which));
  context.stroke();
  context.setLineDash([]);
}

/** NaN and ±Inf of A and B stand next to each other. */
function halfOf({ starts, ends }: Along, column: number, which: number): [number, number] {
  const middle = (starts[column] + ends[column]) / 2;
  return which === 0 ? [starts[column] + 1, middle] : [middle, ends[column] - 1];
}

/** A − B: bars above zero in A's colour where A has more, below in B's where B has. */
function differences(
  context: CanvasRenderingContext2D,
  { chart }: ComparedPicture,
  along: Along,
  ink: Ink,
  panel: Panel,
): void {
  const { left, top, bottom } = panel;
  const { values, reach, peak } = heightDifferences(chart);
  const middle = (top + bottom) / 2;
  const extent = (bottom - top) / 2;
  values.forEach((value, i) => {
    if (!value) return;
    const height = Math.max(1, (Math.abs(value) / reach(i)) * extent);
    const [start, width] = [along.starts[i], along.ends[i] - along.starts[i]];
    const gap = width > 4 ? 1 : 0;
    context.fillStyle = colorOf(ink, chart, value > 0 ? 0 : 1);
    context.globalAlpha = 0.75;
    context.fillRect(
      left + start + gap / 2,
      value > 0 ? middle - height : middle,
      width - gap,
      height,
    );
    context.globalAlpha = 1;
  });
  differenceAxis(context, chart, ink, panel, peak);
  title(context, ink, panel, 'A − B');
}

function differenceAxis(
  context: CanvasRenderingContext2D,
  { scale }: Chart,
  ink: Ink,
  { left, right, top, bottom }: Panel,
  peak: number,
): void {
  const middle = crisp((top + bottom) / 2);
  const end =
    scale.axis === 'linear' ? formatValue(peak, 2) : `${formatValue(100 * peak, 2)} pp`;
  context.strokeStyle = ink.soft;
  context.lineWidth = 1;
  line(context, left, middle, right, middle);
  context.font = font(false);
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.fillStyle = ink.soft;
  context.fillText('0', left - 8, middle);
  if (peak > 0) {
    context.fillText(`+${end}`, left - 8, top + 4);
    context.fillText(`−${end}`, left - 8, bottom - 4);
  }
  context.textBaseline = 'bottom';
  const hint = 'above: more in A · below: more in B';
  // Beside the title, where there is room.
  if (context.measureText(hint).width < right - left - 60)
    context.fillText(hint, right, top - 6);
}
