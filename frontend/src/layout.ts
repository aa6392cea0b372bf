/** How a tensor's planes are best laid out on the page. Pure. */
import type { TensorHeader } from './wire_format';

export type Layout =
  /** One tile for each channel. */
  | { type: 'tiles' }
  /** One plane of a single row: a cell for each unit, reflowed into `columns`. */
  | { type: 'units'; columns: number; rows: number; labelled: boolean }
  /** One plane, shown large, with its axes named. */
  | { type: 'matrix' }
  /** Small kernels, a row for each entry of the outer channel axis. */
  | { type: 'kernels'; outer: number; inner: number };

/** Up to so many units, each cell is large enough to carry its index. */
const LABELLED_UNITS = 32;

export function layoutOf(header: TensorHeader): Layout {
  const { channels, height, width } = header;
  if (channels === 1 && height === 1) {
    const labelled = width <= LABELLED_UNITS;
    const columns = labelled ? Math.max(1, Math.min(width, 10)) : nearSquareColumns(width);
    return { type: 'units', columns, rows: Math.ceil(width / columns), labelled };
  }
  if (channels === 1) return { type: 'matrix' };
  const [outer, inner] = header.channel_axes.map(
    (name) => header.axes.find((axis) => axis.name === name)?.stored ?? 1,
  );
  if (
    header.channel_axes.length === 2 &&
    outer * inner === channels &&
    outer > 1 &&
    inner > 1
  ) {
    return { type: 'kernels', outer, inner };
  }
  return { type: 'tiles' };
}

/** Columns of a grid about twice as wide as high; a power of two where it fits well. */
function nearSquareColumns(count: number): number {
  const ideal = Math.sqrt(count * 2);
  return Math.min(count, Math.max(8, 2 ** Math.round(Math.log2(ideal))));
}

export interface TileGrid {
  /** Of one tile, in CSS pixels. */
  width: number;
  height: number;
}

/** Longest side of a tile by the reader's choice, in CSS pixels. */
const CHOSEN_SIDES = { s: 44, m: 84, l: 160 } as const;
/** A tile that fills the room is no larger than this, or a fifth of a large room. */
const LARGEST_SIDE = 220;
/** Below this width of a tile there is no room for its caption, in CSS pixels. */
export const CAPTION_WIDTH = 34;
/** A map of few pixels at one CSS pixel each can still be hit. */
export const LEAST_CELL = 12;
/** Room between tiles, in CSS pixels. */
export const TILE_GAP = 10;

/**
 * How large tiles are drawn: as chosen, or so that they fill the width and, where
 * that leaves them legible, the height as well.
 */
export function tileSize(
  header: Pick<TensorHeader, 'channels' | 'height' | 'width'>,
  chosen: 'auto' | 'one' | keyof typeof CHOSEN_SIDES,
  room: { width: number; height: number },
): TileGrid {
  // A pixel for each value, however small that is.
  if (chosen === 'one') return { width: header.width, height: header.height };
  const aspect = Math.max(1, header.width) / Math.max(1, header.height);
  const caption = 20;
  let side: number;
  if (chosen !== 'auto') side = CHOSEN_SIDES[chosen];
  else {
    side = 72;
    const largest = Math.max(LARGEST_SIDE, Math.min(room.width, room.height) / 5);
    // From large to small: the first that fits is the largest that does.
    for (let columns = 1; columns <= 16; columns++) {
      const tile = (room.width - (columns - 1) * TILE_GAP) / columns;
      const [w, h] = fit(tile, aspect);
      // By area, so that long thin maps may be longer.
      if (Math.sqrt(w * h) > largest) continue;
      side = Math.max(w, h);
      const rows = Math.ceil(header.channels / columns);
      if (side <= 84 || rows * (h + caption + TILE_GAP) <= room.height) break;
    }
  }
  // Never wider than the page, and long thin maps keep a height that can be hit.
  const [width, height] = fit(Math.min(side, room.width || side), aspect);
  return { width: Math.max(8, Math.floor(width)), height: Math.max(8, Math.floor(height)) };
}

function fit(side: number, aspect: number): [number, number] {
  return aspect >= 1 ? [side, side / aspect] : [side * aspect, side];
}

/** The largest size of a plane's aspect within a square. */
export function fitWithin(
  { height, width }: Pick<TensorHeader, 'height' | 'width'>,
  side: number,
): TileGrid {
  const [w, h] = fit(side, Math.max(1, width) / Math.max(1, height));
  return { width: Math.max(1, Math.floor(w)), height: Math.max(1, Math.floor(h)) };
}

/** What one map of a tensor is of: a channel, a head, …; kernels and slices are maps. */
export function mapNoun({ channel_axes: [axis = '', ...more] }: TensorHeader): string {
  if (more.length > 0) return axis === 'channel' ? 'map' : 'kernel';
  return axis === '' || axis.startsWith('axis') ? 'channel' : axis;
}

/** A channel where there is little room: "23", or "head 1". */
export function channelLabel(header: TensorHeader, channel: number): string {
  if (header.channel_axes.length === 2) return channelTitle(header, channel);
  const noun = mapNoun(header);
  return noun === 'channel' ? String(channel) : `${noun} ${channel}`;
}

/** "Channel 23", "Head 1"; for kernels, which entry of each axis. */
export function channelTitle(header: TensorHeader, channel: number): string {
  const axes = header.channel_axes;
  if (axes.length !== 2) {
    const noun = mapNoun(header);
    return `${noun[0].toUpperCase()}${noun.slice(1)} ${channel}`;
  }
  const inner = header.axes.find(({ name }) => name === axes[1])?.stored ?? 1;
  return `${axes[0]} ${Math.floor(channel / inner)} · ${axes[1]} ${channel % inner}`;
}

/** How many blocks of a width stand side by side, at least one. */
export function blocksAcross(room: number, block: number, gap: number): number {
  return Math.max(1, Math.floor((room + gap) / (block + gap)));
}

const PLURALS: Record<string, string> = { in: 'inputs', out: 'outputs' };

/** A header's sizes as read: what the whole tensor is, without the batch. */
export function shownText(header: TensorHeader, whole: number, weights: boolean): string[] {
  const parts: string[] = [];
  const channelAxes = header.axes.filter((axis) => header.channel_axes.includes(axis.name));
  const size = channelAxes.reduce((product, axis) => product * axis.size, 1);
  if (channelAxes.length > 0 && size > 1) {
    const noun = `${PLURALS[mapNoun(header)]?.slice(0, -1) ?? mapNoun(header)}s`;
    parts.push(
      header.channels < size
        ? `the first ${header.channels} of ${size} ${noun}`
        : `${header.channels} of ${size} ${noun}`,
    );
  }
  const pixelAxes = header.axes.filter(
    (axis) => axis.name === header.height_axis || axis.name === header.width_axis,
  );
  const pooled = pixelAxes.filter((axis) => axis.pooling > 1);
  const cropped = pixelAxes.filter((axis) => axis.pooling <= 1 && axis.stored < axis.size);
  if (pooled.length > 0) {
    parts.push(`means of ${pixelAxes.map((axis) => axis.pooling).join(' × ')} values`);
  }
  for (const axis of cropped)
    parts.push(
      `the first ${axis.stored} of ${axis.size} ${PLURALS[axis.name] ?? `${axis.name}s`}`,
    );
  if (pooled.length === 0 && cropped.length === 0) {
    parts.push(header.height_axis === 'height' ? 'every pixel' : 'every value');
  }
  if (!weights && whole > header.blobs) parts.push(`${header.blobs} of ${whole} samples`);
  return parts;
}
