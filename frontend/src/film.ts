/** The maps of a tensor as the frames of a film: where each lies, and its pixels. Pure. */
import type { Colormap } from './colormaps';
import { channelPixels, type Domain } from './heatmap';
import { layoutOf } from './layout';
import type { Stack, TensorHeader } from './wire_format';

export interface FilmLayout {
  /** Of a frame, in pixels. */
  width: number;
  height: number;
  /** Above the maps. */
  captionHeight: number;
  /** Pixels a value, in either direction. */
  scale: number;
  /** Values in a row of a map, and rows; of a vector, those of its picture in rows. */
  columns: number;
  rows: number;
  /** The corner of each map: of which channel, and in which pane. */
  places: { channel: number; pane: number; x: number; y: number }[];
}

/** What a channel has beside itself: a sample of several, or one of A, B and A − B. */
export interface Pane {
  stack: Stack;
  map: Colormap;
  domainOf: (channel: number) => Domain;
}

const CAPTION_HEIGHT = 44;
const MARGIN = 8;
const GAP = 4;
/** Wide enough between groups that panes are seen to belong together. */
const GROUP_GAP = 10;
const PANE_GAP = 1;
/** What frames fit into, in pixels, unless a pixel a value is more; and a caption needs. */
const MOST_WIDTH = 960;
const MOST_HEIGHT = 720;
const LEAST_WIDTH = 280;
const LEAST_WIDTH_OF_PANES = 480;
/** Longest side of a map, in pixels: of one of several, and of one alone. */
const MOST_SIDE = 128;
const MOST_SIDE_ALONE = 640;

/**
 * Where the maps of some channels lie: as large as fit, kernels by input and output. The
 * panes of a channel stand side by side.
 */
export function filmLayout(
  header: TensorHeader,
  channels: readonly number[],
  panes = 1,
): FilmLayout {
  const layout = layoutOf(header);
  const units = layout.type === 'units';
  const columns = units ? layout.columns : header.width;
  const rows = units ? layout.rows : header.height;
  const gap = panes > 1 ? GROUP_GAP : GAP;
  const most = channels.length > 1 ? MOST_SIDE : MOST_SIDE_ALONE;
  const sized = (across: number) => {
    const down = Math.ceil(channels.length / across);
    const room = (all: number, count: number) =>
      (all - 2 * MARGIN - (count - 1) * gap) / count;
    const fit = Math.min(
      most / Math.max(columns, rows),
      (room(MOST_WIDTH, across) - (panes - 1) * PANE_GAP) / panes / columns,
      room(MOST_HEIGHT, down) / rows,
    );
    return { across, down, scale: Math.max(1, Math.floor(fit)), fit };
  };
  const choices =
    layout.type === 'kernels' && channels.length > 1
      ? [sized(layout.inner)]
      : channels.map((_, i) => sized(i + 1));
  // Of equally large ones, that with the fewest rows.
  const best = choices.reduce((one, other) => (other.fit >= one.fit ? other : one));
  const { across, down, scale } = best;
  const [tileWidth, tileHeight] = [scale * columns, scale * rows];
  const groupWidth = panes * (tileWidth + PANE_GAP) - PANE_GAP;
  const mapsWidth = across * (groupWidth + gap) - gap;
  const least = panes > 1 ? LEAST_WIDTH_OF_PANES : LEAST_WIDTH;
  const width = Math.max(least, mapsWidth + 2 * MARGIN);
  const left = Math.floor((width - mapsWidth) / 2);
  return {
    width,
    height: CAPTION_HEIGHT + down * (tileHeight + gap) - gap + MARGIN,
    captionHeight: CAPTION_HEIGHT,
    scale,
    columns,
    rows,
    places: channels.flatMap((channel, i) =>
      Array.from({ length: panes }, (_, pane) => ({
        channel,
        pane,
        x: left + (i % across) * (groupWidth + gap) + pane * (tileWidth + PANE_GAP),
        y: CAPTION_HEIGHT + Math.floor(i / across) * (tileHeight + gap),
      })),
    ),
  };
}

/**
 * The pixels of a frame, [height, width]: maps in their colours, below a caption. A pane
 * that is not there is left empty, as is a channel that a pane has not.
 */
export function filmFrame(
  panes: readonly (Pane | undefined)[],
  layout: FilmLayout,
  background: number,
  caption: Uint32Array,
): Uint32Array {
  const { width, height, scale, columns, places } = layout;
  const pixels = new Uint32Array(width * height).fill(background);
  pixels.set(caption);
  for (const { channel, pane, x, y } of places) {
    const shown = panes[pane];
    if (!shown || channel >= shown.stack.channels) continue;
    const { stack, map, domainOf } = shown;
    const values = channelPixels(stack, channel, domainOf(channel), map);
    values.forEach((pixel, i) => {
      const left = x + scale * (i % columns);
      const top = y + scale * Math.floor(i / columns);
      for (let row = top; row < top + scale; row++)
        pixels.fill(pixel, row * width + left, row * width + left + scale);
    });
  }
  return pixels;
}

/** Text has few levels between its two colours, to leave a palette to the maps. */
const LEVELS = 4;

/** Blends of two colours as the nearest of a few. */
export function levelled(pixels: Uint32Array, from: number, to: number): Uint32Array {
  const part = (pixel: number, i: number) => (pixel >> (8 * i)) & 0xff;
  const mixes = Array.from({ length: LEVELS + 1 }, (_, level) =>
    [0, 1, 2].reduce((all, i) => {
      const value = part(from, i) + ((part(to, i) - part(from, i)) * level) / LEVELS;
      return (all | (Math.round(value) << (8 * i))) >>> 0;
    }, 0xff000000),
  );
  const [low, high] = [part(from, 1), part(to, 1)];
  return pixels.map((pixel) => {
    const share = (part(pixel, 1) - low) / (high - low);
    return mixes[Math.max(0, Math.min(LEVELS, Math.round(share * LEVELS)))];
  });
}
