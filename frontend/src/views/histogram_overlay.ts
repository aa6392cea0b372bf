/** Histograms as lines over each other: of a run's steps, and of the runs beside it. */
import { evenIndices } from '../selection';
import {
  alongAxis,
  columnAt,
  dashOf,
  type Drawing,
  gridAcross,
  heightGrid,
  type Ink,
  isZero,
  labelsAcross,
  mix,
  outline,
  type Picture,
  specialBars,
} from './histogram_axes';

const MOST_LINES = 64;
const MOST_SMALL_LINES = 16;

export function overlayDrawing(picture: Picture): Drawing {
  const { chart, currents, size, small } = picture;
  const { columns, peak, runs } = chart;
  const [left, top, right, bottom] = small
    ? [6, 6, size.width - 6, size.height - 17]
    : [62, 14, size.width - 16, size.height - 34];
  const along = alongAxis(chart, right - left, small);
  const extent = bottom - top;
  const several = runs.length > 1;
  const past = evenIndices(
    runs[0].histograms.steps.length,
    small ? MOST_SMALL_LINES : MOST_LINES,
  );
  /** In the order of drawing: dashed lines over the unbroken one, so that both are seen. */
  const lines = [
    ...past.filter((step) => step !== currents[0]).map((step) => ({ run: 0, step })),
    ...runs.map((_, run) => ({ run, step: currents[run] })).filter(({ step }) => step >= 0),
  ];
  const heightAt = (run: number, step: number, column: number) => {
    const alone = column >= columns.finite.length || isZero(columns.finite[column]);
    const { heights, shares } = runs[run];
    return alone ? shares[step][column] : Math.min(1, heights[step][column] / peak);
  };

  const drawLine = (
    context: CanvasRenderingContext2D,
    ink: Ink,
    { run, step }: { run: number; step: number },
    order: number,
  ) => {
    const { shares, heights, index } = runs[run];
    const marked = step === currents[run];
    const color = several ? ink.run(index) : marked ? ink.accent : ink.ridge;
    const age = past.length > 1 ? order / (past.length - 1) : 1;
    specialBars(context, columns, along, shares[step], left, bottom, extent);
    if (Number.isNaN(shares[step][0])) return;
    outline(context, chart, along, heights[step], left, bottom, extent, extent);
    if (marked) {
      context.globalAlpha = several ? 0.07 : 0.14;
      context.fillStyle = color;
      context.fill();
      context.globalAlpha = 1;
      context.setLineDash(several ? dashOf(run) : []);
    }
    context.strokeStyle = marked
      ? color
      : mix(ink.bg, color, several ? 0.12 + 0.2 * age : 0.18 + 0.5 * age);
    context.lineWidth = marked ? (small ? 1.5 : 2) : 1;
    context.stroke();
    context.setLineDash([]);
  };

  return {
    draw: (context, ink) => {
      const ruler = { picture, along, ink };
      gridAcross(context, ruler, left, top, bottom);
      if (!small) heightGrid(context, ruler, left, bottom, extent);
      context.lineJoin = 'round';
      lines.forEach((one, order) => drawLine(context, ink, one, order));
      labelsAcross(context, ruler, left, bottom);
    },
    under: (x, y) => {
      const column = columnAt(along, columns, x - left);
      if (column === undefined || y > bottom + 20) return undefined;
      let best: { run: number; step: number } | undefined;
      let least = Number.POSITIVE_INFINITY;
      for (const one of lines) {
        const distance = Math.abs(
          bottom - heightAt(one.run, one.step, column) * extent - y,
        );
        // Of equally near ones, the topmost.
        if (distance <= least) [best, least] = [one, distance];
      }
      return best && { ...best, column };
    },
    box: ({ run, step, column }) => ({
      left: left + along.starts[column],
      top: bottom - heightAt(run, step, column) * extent - 1.5,
      width: along.ends[column] - along.starts[column],
      height: 3,
    }),
  };
}
