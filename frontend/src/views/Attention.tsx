/** Attention: which query is looked at, in all heads, and what it gives to each key. */
import { computed } from '@preact/signals';
import { areShares, greatestAt, isAttention, positionName, queryRow } from '../attention';
import { formatValue, formatWithError } from '../format';
import { valueToPixel } from '../heatmap';
import { pixelToCss } from '../colormaps';
import { channelTitle } from '../layout';
import type { Painting } from '../painting';
import { state } from '../state';
import { data } from '../store';
import { type Stack, type TensorHeader, worstError } from '../wire_format';
import { hover } from './hover';
import { cssLength } from './Plane';

const pointedQuery = computed(() => {
  const at = hover.value;
  return at && isAttention(at.stack.header) ? at.y : null;
});

/** The query under the pointer, or else the chosen one. */
const markedQuery = computed(() => pointedQuery.value ?? state.query.value);

/** What rows, columns and values of a head are. */
export function AttentionNote({ header }: { header: TensorHeader }) {
  return (
    <p class="axes-note">
      a row for each <b>query</b>, a column for each <b>key</b>
      {areShares(header) && ': the share of its attention that a query gives to a key'}
    </p>
  );
}

/** Marks the query's row on a plane of this height, in CSS pixels or any CSS length. */
export function QueryMark({ rows, height }: { rows: number; height: number | string }) {
  const query = markedQuery.value;
  if (query === null || query >= rows) return null;
  const share = (part: number) => `calc(${cssLength(height)} * ${part / rows})`;
  return (
    <span
      class="query-mark"
      data-testid="query-mark"
      data-query={query}
      style={{ top: share(query), height: share(1) }}
    />
  );
}

/** Chooses the query under the pointer, if any; returns whether it is another one. */
export function choosePointedQuery(): boolean {
  const [old, next] = [state.query.value, pointedQuery.value];
  if (next === null || next === old) return false;
  state.query.value = next;
  return true;
}

/** What the marked query gives to each key, of one head. */
export function QueryRow({
  stack,
  head,
  painting,
}: {
  stack: Stack;
  head: number;
  painting: Painting;
}) {
  const query = Math.min(markedQuery.value ?? 0, stack.height - 1);
  const values = queryRow(stack, head, query);
  const best = greatestAt(values);
  const { tokens = [] } = data.value?.model.probe?.tokens[stack.index] ?? {};
  const keyName = (i: number) => positionName(i, stack.width, tokens);
  const most = Math.max(...values.filter(Number.isFinite).map(Math.abs), 0);
  const domain = painting.domainOf(head);
  const sum = values.reduce((total, value) => total + value, 0);
  const key = hover.value?.stack.header.path === stack.header.path ? hover.value.x : -1;
  return (
    <>
      <h2>Query {positionName(query, stack.height, tokens)}</h2>
      <input
        type="range"
        class="query-slider"
        data-testid="query-slider"
        aria-label="Query"
        min={0}
        max={stack.height - 1}
        value={query}
        onInput={(event) => {
          state.query.value = Number(event.currentTarget.value);
          // The pointer may rest on another row.
          hover.value = null;
        }}
      />
      <div
        class="key-bars"
        data-testid="key-bars"
        role="img"
        aria-label={`${channelTitle(stack.header, head)}, query ${query}: ${values
          .map((value, i) => `key ${keyName(i)} ${formatValue(value, 2)}`)
          .join(', ')}`}
      >
        {values.map((value, i) => (
          <span
            key={i}
            class={i === key ? 'on' : ''}
            title={`key ${keyName(i)}: ${formatValue(value, 3)}`}
          >
            <i
              style={{
                height: `${most > 0 && Number.isFinite(value) ? (100 * Math.abs(value)) / most : 0}%`,
                background: pixelToCss(valueToPixel(value, domain, painting.map)),
              }}
            />
          </span>
        ))}
      </div>
      <div class="key-axis">
        <span>0</span>
        <b>key</b>
        <span>{stack.width - 1}</span>
      </div>
      <dl class="numbers">
        {best >= 0 && (
          <>
            <dt>most, to key {keyName(best)}</dt>
            <dd data-testid="greatest-key">
              {formatWithError(values[best], worstError(stack, head))}
            </dd>
          </>
        )}
        {areShares(stack.header) && (
          <>
            <dt>all keys together</dt>
            <dd>{formatValue(sum, 3)}</dd>
          </>
        )}
      </dl>
    </>
  );
}
