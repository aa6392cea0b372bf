/** The numbers behind a tensor's maps at one step. Pure. */
import { formatShare, formatValue, formatWithError } from './format';
import { summarize } from './heatmap';
import { channelTitle, layoutOf } from './layout';
import { type Stack, valueAt, worstError } from './wire_format';

/** More rows are slow to lay out, and nobody reads them. */
export const ROWS_LISTED = 512;

export interface MapTable {
  columns: string[];
  /** Of each row its name and its cells, as text. */
  rows: { name: string; cells: string[] }[];
  /** How many rows are left out. */
  hidden: number;
}

/** Of a vector its values; of maps what each holds, in the order in which they stand. */
export function mapTable(stack: Stack, channels: readonly number[]): MapTable {
  const { header, width } = stack;
  if (layoutOf(header).type === 'units') {
    const error = worstError(stack, 0);
    const rows = Array.from({ length: Math.min(width, ROWS_LISTED) }, (_, x) => ({
      name: `${header.width_axis || 'unit'} ${x}`,
      cells: [formatWithError(valueAt(stack, 0, 0, x), error)],
    }));
    return { columns: ['value'], rows, hidden: width - rows.length };
  }
  const shown = channels.slice(0, ROWS_LISTED);
  return {
    columns: ['mean', 'least', 'greatest', 'zeros', 'NaN, ±Inf'],
    rows: shown.map((channel) => {
      const { mean, min, max, zeroFraction, ...odd } = summarize(stack, channel);
      return {
        name: channelTitle(header, channel),
        cells: [
          formatValue(mean, 3),
          formatValue(min, 3),
          formatValue(max, 3),
          formatShare(zeroFraction),
          String(odd.nan + odd.positiveInf + odd.negativeInf),
        ],
      };
    }),
    hidden: channels.length - shown.length,
  };
}
