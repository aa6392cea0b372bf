/** Ticks of a linear axis. Pure. */

/**
 * Round numbers 1, 2, 5 × 10ⁿ apart, from low to high, about `count` of them; `least`
 * apart, which is 1 for whole numbers.
 */
export function niceTicks(low: number, high: number, count: number, least = 1): number[] {
  if (!(high > low) || count < 1) return Number.isFinite(low) ? [low] : [];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const factor = [1, 2, 5, 10].find((f) => f * power >= raw * 0.999) ?? 10;
  const apart = Math.max(least, factor * power);
  const ticks: number[] = [];
  // Counted, for adding up would gather errors of rounding.
  for (let i = Math.ceil(low / apart); i * apart <= high; i++) ticks.push(i * apart);
  return ticks;
}

/**
 * An SVG path through points; a gap where one is not finite. A point between gaps is a
 * line without length, which round caps make a dot.
 */
export function linePath(xs: ArrayLike<number>, ys: ArrayLike<number>): string {
  let path = '';
  const drawn = (i: number) => Number.isFinite(xs[i]) && Number.isFinite(ys[i]);
  for (let i = 0; i < xs.length; i++) {
    if (!drawn(i)) continue;
    const after = i > 0 && drawn(i - 1);
    path += `${after ? 'L' : 'M'}${xs[i].toFixed(1)} ${ys[i].toFixed(1)}`;
    if (!after && !drawn(i + 1)) path += 'h0';
  }
  return path;
}

/** Finite extent of values; undefined of none. */
export function extent(values: ArrayLike<number>): [number, number] | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  return low <= high ? [low, high] : undefined;
}
