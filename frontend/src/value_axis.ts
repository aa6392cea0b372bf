/** Where values lie on an axis of a histogram, and where its ticks are. Pure. */
import { niceTicks } from './axis';
import { formatValue, superscript } from './format';
import type { Column } from './histogram';

export const VALUE_AXES = ['symlog', 'linear'] as const;
export type ValueAxis = (typeof VALUE_AXES)[number];

export interface Tick {
  /** 0 is the lower end of the axis, 1 the upper. */
  place: number;
  label: string;
}

export interface Scale {
  axis: ValueAxis;
  low: number;
  high: number;
  /** Where a value lies, 0 … 1; values outside lie at the ends. */
  place: (value: number) => number;
  /** Ticks that lie at least `spacing` of the axis apart. */
  ticks: (spacing: number) => Tick[];
}

/**
 * An axis that gives each column the same room: logarithmic within a bin, linear
 * within the columns beside zero, and zero in the middle of its own.
 */
export function symlogScale(columns: readonly Column[]): Scale {
  const ends = columns.map(finiteEnds);
  const place = (value: number) => {
    if (value < ends[0].low) return 0;
    const i = columns.findIndex((_, c) =>
      ends[c].low === ends[c].high
        ? value === ends[c].low
        : value !== 0 && value >= ends[c].low && value <= ends[c].high,
    );
    if (i < 0) return 1;
    const { low, high } = ends[i];
    if (low === high) return (i + 0.5) / columns.length;
    const inside =
      low * high === 0
        ? (value - low) / (high - low)
        : Math.log(value / low) / Math.log(high / low);
    return (i + inside) / columns.length;
  };
  const [low, high] = [ends[0].low, ends[ends.length - 1].high];
  const ticks = (spacing: number) => powerTicks(low, high, place, spacing);
  return { axis: 'symlog', low, high, place, ticks };
}

/** An axis on which equal differences are equally long. */
export function linearScale(low: number, high: number): Scale {
  // A lone value lies in the middle of an axis that has some width.
  const room = high > low ? 0 : Math.abs(low) || 1;
  const [from, to] = [low - room, high + room];
  const place = (value: number) => Math.min(1, Math.max(0, (value - from) / (to - from)));
  const ticks = (spacing: number) =>
    niceTicks(from, to, Math.max(1, Math.floor(1 / spacing)), 0).map((value) => ({
      place: place(value),
      label: formatValue(value, 3),
    }));
  return { axis: 'linear', low: from, high: to, place, ticks };
}

/** The ends of a column on paper: one without a bound is drawn a half octave wide. */
export function finiteEnds({ low, high }: Column): { low: number; high: number } {
  return {
    low: Number.isFinite(low) ? low : high * Math.SQRT2,
    high: Number.isFinite(high) ? high : low * Math.SQRT2,
  };
}

/** Zero and powers of ten, the largest first where not all have room. */
function powerTicks(
  low: number,
  high: number,
  place: (value: number) => number,
  spacing: number,
): Tick[] {
  const found: Tick[] = [];
  if (low <= 0 && high >= 0) found.push({ place: place(0), label: '0' });
  for (const sign of [1, -1]) {
    for (let exponent = 38; exponent >= -8; exponent--) {
      const value = sign * 10 ** exponent;
      if (value < low || value > high) continue;
      const at = place(value);
      if (found.every((tick) => Math.abs(tick.place - at) >= spacing)) {
        found.push({ place: at, label: powerLabel(sign, exponent) });
      }
    }
  }
  return found.sort((a, b) => a.place - b.place);
}

function powerLabel(sign: number, exponent: number): string {
  const size = exponent === 0 ? '1' : exponent === 1 ? '10' : `10${superscript(exponent)}`;
  return sign < 0 ? `−${size}` : size;
}
