/** Histograms of a run's steps, each a ridge behind the next. */
import { formatCount } from '../format';
import { evenIndices } from '../selection';
import {
  alongAxis,
  columnAt,
  type Drawing,
  font,
  gridAcross,
  labelsAcross,
  mix,
  outline,
  type Picture,
  specialBars,
} from './histogram_axes';

const MOST_RIDGES = 48;
const MOST_SMALL_RIDGES = 16;

/** The steps that are drawn, the marked one always among them. */
export function ridgeSteps(steps: number, current: number, small: boolean): number[] {
  const shown = evenIndices(steps, small ? MOST_SMALL_RIDGES : MOST_RIDGES);
  if (current < 0 || shown.includes(current)) return shown;
  return [...shown, current].sort((a, b) => a - b);
}

export function ridgesDrawing(picture: Picture): Drawing {
  const { chart, size, small } = picture;
  const [current, { histograms, shares, heights }] = [picture.currents[0], chart.runs[0]];
  const { steps } = histograms;
  const [left, top, right, bottom] = small
    ? [6, 4, size.width - 6, size.height - 17]
    : [16, 14, Math.max(60, size.width - 62), size.height - 34];
  const along = alongAxis(chart, right - left, small);
  const shown = ridgeSteps(steps.length, current, small);
  const extent = Math.min((bottom - top) * 0.42, 130);
  const apart = shown.length > 1 ? (bottom - top - extent) / (shown.length - 1) : 0;
  const places = shown.map((_, i) =>
    shown.length > 1 ? top + extent + i * apart : bottom,
  );
  const zeroExtent = shown.length > 1 ? apart * 0.86 : extent;
  return {
    draw: (context, ink) => {
      const ruler = { picture, along, ink };
      gridAcross(context, ruler, left, top, bottom);
      // Steps recede: far ones first, so that near ones cover them.
      shown.forEach((index, i) => {
        const on = index === current;
        const age = shown.length > 1 ? i / (shown.length - 1) : 1;
        if (!Number.isNaN(shares[index][0])) {
          const base = places[i];
          outline(context, chart, along, heights[index], left, base, extent, zeroExtent);
          context.fillStyle = on
            ? mix(ink.bg, ink.accent, 0.28)
            : mix(ink.bg, ink.ridge, 0.16 + 0.34 * age);
          context.fill();
          context.strokeStyle = on ? ink.accent : mix(ink.bg, ink.ridge, 0.55 + 0.45 * age);
          context.lineWidth = on && !small ? 2 : 1;
          context.stroke();
        }
        specialBars(
          context,
          chart.columns,
          along,
          shares[index],
          left,
          places[i],
          zeroExtent,
        );
      });
      if (!small) {
        context.font = font(small);
        context.textAlign = 'left';
        context.textBaseline = 'middle';
        for (const i of labelled(places, shown.indexOf(current))) {
          context.fillStyle = shown[i] === current ? ink.accent : ink.soft;
          context.fillText(formatCount(steps[shown[i]]), right + 8, places[i]);
        }
      }
      labelsAcross(context, ruler, left, bottom);
    },
    under: (x, y) => {
      const column = columnAt(along, chart.columns, x - left);
      if (column === undefined || shown.length === 0) return undefined;
      // A ridge is taken hold of a little above its baseline, where it is seen.
      const distances = places.map((place) => Math.abs(place - 4 - y));
      const nearest = distances.indexOf(Math.min(...distances));
      return { run: 0, step: shown[nearest], column };
    },
    box: ({ step, column }) => ({
      left: left + along.starts[column],
      top: (places[shown.indexOf(step)] ?? bottom) - 3,
      width: along.ends[column] - along.starts[column],
      height: 3,
    }),
  };
}

/** Which ridges have room for their step's number, the marked one first. */
function labelled(places: readonly number[], marked: number): number[] {
  const room = 13;
  const found = marked >= 0 ? [marked] : [];
  let free = Number.POSITIVE_INFINITY;
  for (let i = places.length - 1; i >= 0; i--) {
    const tooNear = marked >= 0 && Math.abs(places[i] - places[marked]) < room;
    if (tooNear || free - places[i] < room) continue;
    found.push(i);
    free = places[i];
  }
  return found;
}
