/** What a chart of histograms shows: rows of some runs on one axis of values. Pure. */
import type { Histograms } from './api';
import { stepsDomain } from './domain';
import {
  type Columns,
  columnsOf,
  heightsOf,
  peakHeight,
  percentiles,
  shares,
  totals,
} from './histogram';
import { nearbySteps } from './selection';
import {
  finiteEnds,
  linearScale,
  type Scale,
  symlogScale,
  type ValueAxis,
} from './value_axis';
import { BIN_ZERO } from './wire_format';

/** The histograms of one row of a run. */
export interface RunRow {
  run: string;
  /** Place of the run among all, which gives it its colour. */
  index: number;
  row: number;
  histograms: Histograms;
  /** Where the steps lie on the axis that runs are aligned by. */
  places: readonly number[];
  /** True extremes at each step of the histograms; NaN where unknown. */
  lows: Float64Array;
  highs: Float64Array;
}

export interface ChartRun extends RunRow {
  /** By step, then by column: finite ones, then special ones. */
  shares: Float64Array[];
  /** What is drawn of the shares: on a linear axis, the share per unit. */
  heights: Float64Array[];
  /** By step, then by level; empty where they are not drawn. */
  percentiles: Float64Array[];
}

export interface Chart {
  scale: Scale;
  columns: Columns;
  /** Where the finite columns begin, and where the last ends, 0 … 1. */
  columnEdges: Float64Array;
  /** The greatest height, but for zeros. */
  peak: number;
  runs: ChartRun[];
}

/** One chart of all rows: what one shows, the others have room for. */
export function chartOf(
  rows: readonly RunRow[],
  edges: readonly number[],
  axis: ValueAxis,
  withPercentiles: boolean,
): Chart {
  const sums = totals(rows.flatMap(({ histograms }) => numbers(totals(histograms.counts))));
  const span = stepsDomain(
    rows.flatMap(({ lows }) => numbers(lows)),
    rows.flatMap(({ highs }) => numbers(highs)),
  );
  const columns = columnsOf(sums, edges, axis, span);
  const runs = rows.map((row): ChartRun => {
    const { counts, steps } = row.histograms;
    const all = steps.map((_, i) => shares(counts, i, columns));
    return {
      ...row,
      shares: all,
      heights: all.map((one) => heightsOf(one, columns, axis)),
      percentiles: withPercentiles
        ? steps.map((_, i) => percentiles(counts, i, edges, row.lows[i], row.highs[i]))
        : [],
    };
  });
  const scale = scaleOf(columns, axis, withPercentiles ? runs : []);
  return {
    scale,
    columns,
    columnEdges: columnEdges(columns, scale),
    peak: peakHeight(
      runs.flatMap(({ heights }) => heights),
      columns,
    ),
    runs,
  };
}

/**
 * The heights of the first run's first step less those of the second's, by column.
 *
 * On a logarithmic axis all are shares, and share one scale: what is above zero and what
 * is below are equally much. On a linear one zeros, NaN and ±Inf have a scale to 100 %.
 */
export function heightDifferences({ columns, scale, runs: [a, b] }: Chart): {
  values: Float64Array;
  /** What each column's scale reaches to. */
  reach: (column: number) => number;
  /** The greatest size; 0 where nothing differs. */
  peak: number;
} {
  const values = a.heights[0].map((height, i) => height - b.heights[0][i]);
  const alone = (i: number) =>
    scale.axis === 'linear' && (columns.finite[i]?.first ?? BIN_ZERO) === BIN_ZERO;
  const peak = values.reduce((most, value, i) => {
    return alone(i) ? most : Math.max(most, Math.abs(value));
  }, 0);
  return { values, reach: (i) => (alone(i) ? 1 : peak), peak };
}

/** A linear axis of percentiles ends with them, one of columns with the columns. */
function scaleOf(columns: Columns, axis: ValueAxis, runs: readonly ChartRun[]): Scale {
  if (axis === 'symlog') return symlogScale(columns.finite);
  const ends = runs.flatMap(({ percentiles }) => percentiles);
  const domain = stepsDomain(
    ends.map((levels) => levels[0]),
    ends.map((levels) => levels[levels.length - 1]),
  );
  if (domain) return linearScale(domain.low, domain.high);
  const { finite } = columns;
  return linearScale(finiteEnds(finite[0]).low, finiteEnds(finite[finite.length - 1]).high);
}

function columnEdges({ finite }: Columns, scale: Scale): Float64Array {
  if (scale.axis === 'symlog') {
    return Float64Array.from({ length: finite.length + 1 }, (_, i) => i / finite.length);
  }
  return Float64Array.from([
    ...finite.map(({ low }) => scale.place(low)),
    scale.place(finite[finite.length - 1].high),
  ]);
}

function numbers(values: ArrayLike<number>): number[] {
  return Array.from(values);
}

/**
 * Of each row, the index of the step that is marked: of the first run the scrubber's,
 * of others the record at its place or before. −1 of none.
 */
export function currentsOf(rows: readonly RunRow[], step: number, place: number): number[] {
  return rows.map(({ histograms, places }, i) =>
    i === 0 ? histograms.steps.indexOf(step) : indexAtOrBefore(places, place),
  );
}

/** Index of the record at a place, or of the last before it; −1 where all are after. */
export function indexAtOrBefore(places: readonly number[], at: number): number {
  const { here, before } = nearbySteps(places, at);
  return places.indexOf((here ? at : before) ?? Number.NaN);
}
