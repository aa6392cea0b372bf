/** Attention: scores of heads, a row for each query and a column for each key. Pure. */
import { type Stack, type TensorHeader, valueAt } from './wire_format';

/** Whether planes are of queries by keys: scores of attention, or their gradients. */
export function isAttention(header: TensorHeader): boolean {
  return header.height_axis === 'query' && header.width_axis === 'key';
}

/** Whether the values are shares of one, which each query gives to its keys. */
export function areShares(header: TensorHeader): boolean {
  return isAttention(header) && header.kind === 'activation';
}

/** What a query gives to each key. */
export function queryRow(stack: Stack, head: number, query: number): number[] {
  return Array.from({ length: stack.width }, (_, key) => valueAt(stack, head, query, key));
}

/** A position, with its token where there is one for each: 3 “film”. */
export function positionName(i: number, count: number, tokens: readonly string[]): string {
  return tokens.length === count && tokens[i] ? `${i} “${tokens[i]}”` : String(i);
}

/** Where the greatest finite value is; -1 of none. */
export function greatestAt(values: readonly number[]): number {
  let at = -1;
  values.forEach((value, i) => {
    if (Number.isFinite(value) && (at < 0 || value > values[at])) at = i;
  });
  return at;
}
