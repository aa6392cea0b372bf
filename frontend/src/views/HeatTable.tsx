import { className } from '../flips';
import { formatCount, formatValue, plural } from '../format';
import { summarize } from '../heatmap';
import { methodTitle, scoreOf } from '../methods';
import { state } from '../state';
import { data } from '../store';
import type { Stack } from '../wire_format';
import { sampleTitle } from './Controls';
import { shownHeat } from './HeatControls';
import { tokensOf } from './HeatStrip';
import { nativeValues } from '../overlay';
import { resized } from '../resizing';

/** More rows are slow to lay out, and nobody reads them. */
const ROWS_LISTED = 512;

const COLUMNS = [
  'target',
  'score',
  'least',
  'greatest',
  'mean',
  'greatest at',
  'NaN, ±Inf',
];

/** The numbers behind the heatmaps on the page; of a text, those of its tokens. */
export function HeatTable() {
  const all = shownHeat();
  const words = all.some((one) => tokensOf(one));
  return (
    // Scrolled by key, too.
    <div
      class="table-room maps"
      tabIndex={0}
      role="region"
      aria-label="Numbers of the heatmaps"
    >
      {words ? <Tokens all={all} /> : <Summaries all={all} />}
    </div>
  );
}

type Shown = ReturnType<typeof shownHeat>;

function Summaries({ all }: { all: Shown }) {
  const shown = all.slice(0, ROWS_LISTED);
  const over = state.heatmaps.value !== 'grid';
  return (
    <table data-testid="heat-table">
      <caption>
        Heatmaps as recorded
        {all.length > shown.length && `; ${plural(all.length - shown.length, 'more row')}`}
      </caption>
      <thead>
        <tr>
          <th scope="col">sample, method</th>
          {over && <th scope="col">step</th>}
          {COLUMNS.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {shown.map(({ stack }, i) => (
          <tr key={i}>
            <th scope="row">
              {stack.index} ({sampleTitle(stack.index)}), {methodTitle(stack.header.path)}
            </th>
            {over && <td>{formatCount(stack.header.step)}</td>}
            {cellsOf(stack).map((cell, j) => (
              <td key={COLUMNS[j]}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function cellsOf(stack: Stack): string[] {
  const { explanation } = stack.header;
  const { min, max, mean, ...odd } = summarize(stack, 0);
  const target = explanation.targets[stack.index];
  const words = { labels: [], class_names: data.value?.model.probe?.class_names ?? [] };
  const score = scoreOf(explanation, stack.index);
  const values = nativeValues(stack);
  const at = values.indexOf(
    values.reduce((top, value) => (value > top ? value : top), -Infinity),
  );
  return [
    target === undefined ? '–' : className(words, target),
    Number.isNaN(score) ? '–' : formatValue(score, 4),
    formatValue(min, 3),
    formatValue(max, 3),
    formatValue(mean, 3),
    at < 0
      ? '–'
      : stack.height > 1
        ? `x ${at % stack.width}, y ${Math.floor(at / stack.width)}`
        : String(at),
    String(odd.nan + odd.positiveInf + odd.negativeInf),
  ];
}

/** A row for each token, a column for each method, sample below sample. */
function Tokens({ all }: { all: Shown }) {
  const samples = [...new Set(all.map(({ stack }) => stack.index))];
  return (
    <>
      {samples.map((sample) => {
        const own = all.filter(({ stack }) => stack.index === sample);
        const tokens = tokensOf(own[0]) ?? [];
        const values = own.map(({ stack }) =>
          resized(nativeValues(stack), [1, stack.width], [1, tokens.length]),
        );
        return (
          <table key={sample} data-testid="heat-table">
            <caption>Tokens of sample {sample}</caption>
            <thead>
              <tr>
                <th scope="col">token</th>
                {own.map(({ stack }, i) => (
                  <th key={i} scope="col">
                    {methodTitle(stack.header.path)}
                    {state.heatmaps.value !== 'grid' &&
                      `, step ${formatCount(stack.header.step)}`}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {tokens.map(
                (token, i) =>
                  token !== '' && (
                    <tr key={i}>
                      <th scope="row">
                        {i} {token}
                      </th>
                      {values.map((list, j) => (
                        <td key={j}>{formatValue(list[i], 3)}</td>
                      ))}
                    </tr>
                  ),
              )}
            </tbody>
          </table>
        );
      })}
    </>
  );
}
