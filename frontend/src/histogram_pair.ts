/** Two histograms of the same tensor against each other. Pure. */
import { formatValue } from './format';
import { BIN_NAN, BIN_NEGATIVE_INF, BIN_POSITIVE_INF, HISTOGRAM_BINS } from './wire_format';

/**
 * The Jensen–Shannon distance of two histograms over the fixed bins, those of zeros, NaN
 * and ±Inf among them: 0 where all shares are equal, 1 where no bin counts values of both.
 *
 * With shares p and q and m = (p + q) / 2 it is √(½ Σ p log₂(p / m) + ½ Σ q log₂(q / m)),
 * a metric (Endres and Schindelin, 2003). It needs no unit, so tensors of any scale
 * compare, and it says how many values lie elsewhere, not how far. NaN where either
 * counts nothing.
 */
export function jensenShannon(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [allA, allB] = [sum(a), sum(b)];
  if (!(allA > 0 && allB > 0)) return Number.NaN;
  let divergence = 0;
  for (let bin = 0; bin < HISTOGRAM_BINS; bin++) {
    const [p, q] = [a[bin] / allA, b[bin] / allB];
    const mean = (p + q) / 2;
    if (p > 0) divergence += (p / 2) * Math.log2(p / mean);
    if (q > 0) divergence += (q / 2) * Math.log2(q / mean);
  }
  // Rounding may leave equal ones a hair below 0.
  return Math.sqrt(Math.min(1, Math.max(0, divergence)));
}

function sum(counts: ArrayLike<number>): number {
  let all = 0;
  for (let bin = 0; bin < HISTOGRAM_BINS; bin++) all += counts[bin];
  return all;
}

/** From most to least, in the given order where equal; NaN is left out. */
export function byDistance<P extends { distance: number }>(pairs: readonly P[]): P[] {
  return pairs
    .filter(({ distance }) => !Number.isNaN(distance))
    .sort((x, y) => y.distance - x.distance);
}

/** A difference of shares, in points of percent: +1.2 pp. */
export function formatPoints(difference: number): string {
  return `${difference > 0 ? '+' : ''}${formatValue(100 * difference, 2)} pp`;
}

/** Of one tensor in two runs, or at two steps. */
export interface Pair {
  path: string;
  a: ArrayLike<number>;
  b: ArrayLike<number>;
  distance: number;
}

/** A, B and A − B of the bins of each pair; ends of bins as `export.csv` writes them. */
export function differencesCsv(pairs: readonly Pair[], edges: readonly number[]): string {
  const lines = pairs.flatMap(({ path, a, b }) =>
    // What either counts any value in.
    [...Array(HISTOGRAM_BINS).keys()]
      .filter((bin) => a[bin] > 0 || b[bin] > 0)
      .map((bin) => {
        const [p, q] = [a[bin] / sum(a), b[bin] / sum(b)];
        const numbers = [...ends(bin, edges), a[bin], b[bin], p, q, p - q];
        return [quoted(path), bin, ...numbers].join();
      }),
  );
  const head = 'path,bin,low,high,count_a,count_b,share_a,share_b,share_a_minus_b';
  return [head, ...lines, ''].join('\n');
}

/** The distances of some pairs, in their order. */
export function distancesCsv(pairs: readonly Pair[]): string {
  const lines = pairs.map(({ path, distance }) => `${quoted(path)},${distance}`);
  return ['path,jensen_shannon_distance', ...lines, ''].join('\n');
}

function ends(bin: number, edges: readonly number[]): (number | string)[] {
  if (bin === BIN_NAN) return ['nan', 'nan'];
  if (bin === BIN_NEGATIVE_INF) return ['-inf', '-inf'];
  if (bin === BIN_POSITIVE_INF) return ['inf', 'inf'];
  return [edges[bin - 1], edges[bin]].map((end) =>
    Number.isFinite(end) ? end : end > 0 ? 'inf' : '-inf',
  );
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
