/** Percentiles of histograms as ribbons over the steps. */
import { formatPlace, placeTicks } from '../alignment';
import { extent as extentOf } from '../axis';
import { LEVELS, MEDIAN, specialCount } from '../histogram';
import type { ChartRun } from '../histogram_chart';
import { evenIndices, nearestIndex } from '../selection';
import { BIN_NAN, BIN_POSITIVE_INF, HISTOGRAM_BINS } from '../wire_format';
import {
  alongAxis,
  columnAt,
  crisp,
  dashOf,
  type Drawing,
  font,
  type Ink,
  labelsUp,
  line,
  type Picture,
  specialColor,
  textWithin,
  ticksUp,
} from './histogram_axes';

/** Of several runs: the ribbon that each has begins here, at 16 %. */
const MIDDLE = 2;
/** And its lines: minimum, ribbon, median, maximum. */
const LINES_OF_SEVERAL = [0, 2, MEDIAN, 6, 8];

const MOST_STEPS = 1000;
const MOST_SMALL_STEPS = 120;
/** Half the width of a ribbon that has a lone step, in CSS pixels. */
const LONE = 4;

/** What a level is called beside its line. */
export const LEVEL_NAMES = LEVELS.map((level, i) => {
  if (i === MEDIAN) return 'median';
  return level === 0 ? 'min' : level === 1 ? 'max' : `${Math.round(100 * level)} %`;
});

export function ribbonsDrawing(picture: Picture): Drawing {
  const { chart, currents, alignment, size, small } = picture;
  const { columns, runs, scale } = chart;
  const several = runs.length > 1;
  const [left, top, right, bottom] = small
    ? [34, 5, size.width - 6, size.height - 7]
    : [62, 12, size.width - (several ? 16 : 58), size.height - 34];
  // NaN and ±Inf have no percentiles.
  const finiteOnly = { ...chart, columns: { ...columns, special: [] } };
  const along = alongAxis(finiteOnly, bottom - top, small);
  const [first, last] = extentOf(runs.flatMap(({ places }) => [...places])) ?? [0, 0];
  const x = (place: number) =>
    last > first
      ? left + ((place - first) / (last - first)) * (right - left)
      : (left + right) / 2;
  const y = (value: number) => bottom - along.from - scale.place(value) * along.room;

  const drawRun = (context: CanvasRenderingContext2D, ink: Ink, run: number) => {
    const { places, percentiles, index } = runs[run];
    const shown = evenIndices(places.length, small ? MOST_SMALL_STEPS : MOST_STEPS);
    const color = several ? ink.run(index) : ink.accent;
    const pieces = unbroken(shown, (i) => Number.isFinite(percentiles[i][MEDIAN]));
    const points = (piece: number[], level: number): [number, number][] => {
      const found = piece.map((i): [number, number] => [
        x(places[i]),
        y(percentiles[i][level]),
      ]);
      if (found.length > 1) return found;
      const [[at, height]] = found;
      return [
        [at - LONE, height],
        [at + LONE, height],
      ];
    };
    const path = (all: [number, number][]) =>
      all.forEach(([px, py], i) =>
        i === 0 ? context.moveTo(px, py) : context.lineTo(px, py),
      );
    context.fillStyle = color;
    context.strokeStyle = color;
    context.lineJoin = 'round';
    for (const piece of pieces) {
      for (const low of several ? [MIDDLE] : [0, 1, 2, 3]) {
        context.globalAlpha = several ? 0.15 : 0.13;
        context.beginPath();
        path([...points(piece, low), ...points(piece, LEVELS.length - 1 - low).reverse()]);
        context.fill();
      }
      LEVELS.forEach((_, level) => {
        const median = level === MEDIAN;
        if (several && !LINES_OF_SEVERAL.includes(level)) return;
        context.globalAlpha = median ? 1 : small ? 0.25 : 0.45;
        context.lineWidth = median ? (small ? 1.5 : 2) : 1;
        context.setLineDash(several ? dashOf(run) : []);
        context.beginPath();
        path(points(piece, level));
        context.stroke();
      });
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
  };

  const drawSpecial = (context: CanvasRenderingContext2D, run: ChartRun) => {
    const { counts } = run.histograms;
    run.places.forEach((place, i) => {
      if (!(specialCount(counts, i) > 0)) return;
      const has = (bin: number) => counts[i * HISTOGRAM_BINS + bin] > 0;
      context.fillStyle = specialColor(
        has(BIN_NAN) ? 'nan' : has(BIN_POSITIVE_INF) ? 'positiveInf' : 'negativeInf',
      );
      context.fillRect(x(place) - 2, bottom + 1, 4, 4);
    });
  };

  return {
    draw: (context, ink) => {
      const ruler = { picture: { ...picture, chart: finiteOnly }, along, ink };
      context.strokeStyle = ink.line;
      context.lineWidth = 1;
      for (const { place } of ticksUp(ruler)) {
        const at = crisp(bottom - along.from - place * along.room);
        line(context, left, at, right, at);
      }
      labelsUp(context, ruler, left, bottom);
      // Dashed lines over the unbroken one, so that neither hides the other.
      runs.forEach((one, run) => {
        drawRun(context, ink, run);
        drawSpecial(context, one);
      });
      const at = runs[0].places[currents[0]];
      if (at !== undefined) {
        context.strokeStyle = ink.ink;
        context.lineWidth = 1;
        context.setLineDash([2, 3]);
        line(context, crisp(x(at)), top - 2, crisp(x(at)), bottom);
        context.setLineDash([]);
      }
      if (small) return;
      context.font = font(small);
      context.fillStyle = ink.soft;
      context.textBaseline = 'top';
      context.textAlign = 'center';
      const ticks = placeTicks(
        first,
        last,
        Math.max(1, Math.floor((right - left) / 90)),
        alignment,
      );
      for (const tick of ticks)
        textWithin(context, formatPlace(tick, alignment), x(tick), bottom + 9, size.width);
      if (!several) drawNames(context, ink, runs[0], right + 6, y);
    },
    under: (px, py) => {
      const column = columnAt(along, finiteOnly.columns, bottom - py);
      if (column === undefined || px < left - 10 || px > right + 10) return undefined;
      const place = first + ((px - left) / Math.max(1, right - left)) * (last - first);
      // Of the runs, the one whose median is nearest at its step.
      let best: { run: number; step: number } | undefined;
      let least = Number.POSITIVE_INFINITY;
      runs.forEach(({ places, percentiles }, run) => {
        const step = nearestIndex(places, place);
        const median = percentiles[step]?.[MEDIAN];
        if (median === undefined) return;
        const distance = Number.isNaN(median) ? size.height : Math.abs(y(median) - py);
        if (distance < least) [best, least] = [{ run, step }, distance];
      });
      return best && { ...best, column };
    },
    box: ({ run, step, column }) => ({
      left: x(runs[run].places[step]) - 3,
      top: bottom - along.ends[column],
      width: 6,
      height: along.ends[column] - along.starts[column],
    }),
  };
}

/** Runs of neighbours of `indices` that all pass. */
function unbroken(
  indices: readonly number[],
  passes: (index: number) => boolean,
): number[][] {
  const pieces: number[][] = [];
  let open = false;
  for (const index of indices) {
    if (!passes(index)) open = false;
    else if (open) pieces[pieces.length - 1].push(index);
    else {
      pieces.push([index]);
      open = true;
    }
  }
  return pieces;
}

/** Names of the levels beside their ends, the most telling first where room is short. */
function drawNames(
  context: CanvasRenderingContext2D,
  ink: Ink,
  { percentiles }: ChartRun,
  left: number,
  y: (value: number) => number,
): void {
  const last = percentiles[percentiles.length - 1];
  if (!last || Number.isNaN(last[MEDIAN])) return;
  context.textAlign = 'left';
  context.textBaseline = 'middle';
  const taken: number[] = [];
  for (const level of [MEDIAN, 0, 8, 2, 6, 1, 7, 3, 5]) {
    const at = y(last[level]);
    if (taken.some((other) => Math.abs(other - at) < 12)) continue;
    taken.push(at);
    context.fillStyle = level === MEDIAN ? ink.ink : ink.soft;
    context.fillText(LEVEL_NAMES[level], left, at);
  }
}
