/** Histograms as a map: a column for each step of a run, a row for each bin. */
import { colormap, hexToPixel } from '../colormaps';
import { formatCount } from '../format';
import {
  alongAxis,
  type Box,
  columnAt,
  type Drawing,
  font,
  isZero,
  labelsUp,
  type Picture,
  specialColor,
} from './histogram_axes';

export const HEATMAP_COLORS = 'viridis';

export function heatmapDrawing(picture: Picture): Drawing {
  const { chart, size, small } = picture;
  const [current, { histograms, shares, heights }] = [picture.currents[0], chart.runs[0]];
  const { columns, peak, scale } = chart;
  const { steps } = histograms;
  const [left, top, right, bottom] = small
    ? [34, 4, size.width - 4, size.height - 6]
    : [58, 10, size.width - 12, size.height - 34];
  const along = alongAxis(chart, bottom - top, small);
  const extent = Math.min(
    Math.max(110, (right - left) / 12),
    (right - left) / Math.max(1, steps.length),
  );
  const all = [...columns.finite, ...columns.special];
  const cell = (step: number, column: number): Box => ({
    left: left + step * extent,
    top: bottom - along.ends[column],
    width: extent,
    height: along.ends[column] - along.starts[column],
  });
  const pixels = colormap(HEATMAP_COLORS).pixels;
  const pixelOf = (step: number, column: number): number => {
    const { special } = all[column];
    if (special) return hexToPixel(specialColor(special).slice(1));
    // On a linear axis zeros have a share, and all others a share per unit.
    const alone = scale.axis === 'linear' && isZero(all[column]);
    const height = alone ? shares[step][column] : heights[step][column] / peak;
    return pixels[Math.round(Math.sqrt(Math.min(1, height)) * (pixels.length - 1))];
  };
  // Zeros lie over their neighbours on a linear axis.
  const order = [...all.keys()].sort(
    (a, b) => Number(isZero(all[a])) - Number(isZero(all[b])),
  );

  const paint = (context: CanvasRenderingContext2D) => {
    // Straight to pixels: thousands of rectangles of a canvas take tens of milliseconds.
    const ratio = context.getTransform().a;
    const { width, height } = context.canvas;
    if (width === 0 || height === 0) return;
    const image = context.createImageData(width, height);
    const target = new Uint32Array(image.data.buffer);
    const gapX = extent * ratio > 6 ? 1 : 0;
    for (let step = 0; step < steps.length; step++) {
      for (const column of order) {
        if (!(shares[step][column] > 0)) continue;
        const box = cell(step, column);
        const [x0, y0] = [Math.round(box.left * ratio), Math.round(box.top * ratio)];
        const x1 = Math.round((box.left + box.width) * ratio) - gapX;
        const y1 = Math.round((box.top + box.height) * ratio);
        const gapY = y1 - y0 > 6 ? 1 : 0;
        const pixel = pixelOf(step, column);
        // At least a pixel, so that nothing that was counted is left out.
        for (let y = y0; y < Math.max(y0 + 1, y1 - gapY); y++) {
          target.fill(pixel, y * width + x0, y * width + Math.max(x0 + 1, x1));
        }
      }
    }
    context.putImageData(image, 0, 0);
  };

  return {
    draw: (context, ink) => {
      paint(context);
      labelsUp(context, { picture, along, ink }, left, bottom);
      context.textBaseline = 'top';
      context.textAlign = 'center';
      context.font = font(small);
      context.fillStyle = ink.soft;
      const labelled = Math.max(1, Math.ceil(70 / extent));
      for (let i = 0; i < steps.length && !small; i += labelled) {
        context.fillText(formatCount(steps[i]), left + (i + 0.5) * extent, bottom + 9);
      }
      if (current >= 0) {
        context.strokeStyle = ink.accent;
        context.lineWidth = small ? 1.5 : 2;
        context.strokeRect(
          left + current * extent - 1,
          top - 2,
          extent + 1,
          bottom - top + 3,
        );
      }
    },
    under: (x, y) => {
      const step = Math.floor((x - left) / extent);
      const column = columnAt(along, columns, bottom - y);
      return column === undefined || step < 0 || step >= steps.length
        ? undefined
        : { run: 0, step, column };
    },
    box: ({ step, column }) => cell(step, column),
  };
}
