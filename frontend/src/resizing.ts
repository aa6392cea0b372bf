/**
 * Linear interpolation along axes: the twin of `core/attribution/resizing.py`. Pure.
 *
 * Values lie in the middle of equal parts of an axis; beyond the outermost they are those.
 */

/** Of each new place its lower neighbour, and the share of the upper one. */
export interface Neighbours {
  lower: Int32Array;
  share: Float64Array;
}

export function neighbours(old: number, size: number): Neighbours {
  const lower = new Int32Array(size);
  const share = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const place = Math.max(0, Math.min(old - 1, ((i + 0.5) * old) / size - 0.5));
    lower[i] = Math.min(Math.floor(place), Math.max(0, old - 2));
    share[i] = place - lower[i];
  }
  return { lower, share };
}

/** Values [height, width] in another size. */
export function resized(
  values: Float32Array,
  [height, width]: readonly [number, number],
  [toHeight, toWidth]: readonly [number, number],
): Float32Array {
  if (height === toHeight && width === toWidth) return values;
  const [down, across] = [neighbours(height, toHeight), neighbours(width, toWidth)];
  const rows = new Float32Array(toHeight * width);
  for (let y = 0; y < toHeight; y++) {
    const from = down.lower[y] * width;
    const next = height > 1 ? from + width : from;
    for (let x = 0; x < width; x++)
      rows[y * width + x] = between(values[from + x], values[next + x], down.share[y]);
  }
  const found = new Float32Array(toHeight * toWidth);
  for (let x = 0; x < toWidth; x++) {
    const from = across.lower[x];
    const next = width > 1 ? from + 1 : from;
    for (let y = 0; y < toHeight; y++) {
      const row = y * width;
      found[y * toWidth + x] = between(rows[row + from], rows[row + next], across.share[x]);
    }
  }
  return found;
}

/** What has no share is not looked at: NaN times 0 is no part of a mean. */
function between(low: number, high: number, share: number): number {
  return share === 0 ? low : share === 1 ? high : low * (1 - share) + high * share;
}

/** Values [height, width] in another size, each place that of the value it lies in. */
export function repeated(
  values: Float32Array,
  [height, width]: readonly [number, number],
  [toHeight, toWidth]: readonly [number, number],
): Float32Array {
  const found = new Float32Array(toHeight * toWidth);
  for (let y = 0; y < toHeight; y++) {
    const row = width * cellAt(y, toHeight, height);
    for (let x = 0; x < toWidth; x++)
      found[y * toWidth + x] = values[row + cellAt(x, toWidth, width)];
  }
  return found;
}

/** Which of `cells` the middle of a place lies in. */
export function cellAt(place: number, places: number, cells: number): number {
  return Math.min(cells - 1, Math.floor(((place + 0.5) * cells) / places));
}
