import { goToStep } from '../actions';
import { extent, linePath } from '../axis';
import { className } from '../flips';
import { formatCount, formatShare, formatValue, formatWithError } from '../format';
import { isFlat } from '../heat_painting';
import { grid, historyOf, openHeat } from '../heat_store';
import { explainedWords, methodTitle, scoreOf } from '../methods';
import { heatError, nativeValues } from '../overlay';
import { state } from '../state';
import { data, sample, step } from '../store';
import type { Stack, TensorHeader } from '../wire_format';
import { ClassBars } from './ClassBars';
import { sampleTitle } from './Controls';
import { HeatPlane } from './HeatPlane';
import { HeatStrip } from './HeatStrip';
import { useSize } from './hooks';

/** The chosen heatmap, large, with its numbers and its past, and the prediction. */
export function HeatDetails() {
  const path = openHeat.value;
  const { answer, loading } = grid.value;
  const row = answer?.rows.indexOf(sample.value) ?? -1;
  const column = answer?.columns.find((one) => one.path === path);
  const [stack, input] = [column?.stacks[row], column?.inputs[row]];
  const output = answer?.outputs[0]?.[row];
  return (
    <aside class="details heat-details" aria-label="Details" tabIndex={0}>
      {!stack && !loading && (
        <p class="hint">
          {row < 0
            ? `Sample ${sample.value} is not among the samples that are shown.`
            : 'There is no heatmap at this step.'}
        </p>
      )}
      {stack && column && (
        <div class={loading ? 'stale' : ''}>
          <div class="large-map">
            {isFlat(stack.header) ? (
              <HeatPlane
                stack={stack}
                input={input}
                width="100%"
                height="auto"
                testId="heat-large"
              />
            ) : (
              <HeatStrip stack={stack} input={input} />
            )}
          </div>
          <h2>
            {methodTitle(stack.header.path)} · {sampleTitle(stack.index)}
            <button
              type="button"
              class="close"
              aria-label="Close (Esc)"
              onClick={() => {
                state.heat.value = '';
              }}
            >
              ×
            </button>
          </h2>
          <Numbers stack={stack} />
          <History run={column.known.run} stack={stack} />
          {output && (
            <>
              <h2>Prediction</h2>
              <ClassBars
                known={column.known}
                output={output}
                sample={stack.index}
                targets={stack.header.explanation.targets.slice(
                  stack.index,
                  stack.index + 1,
                )}
                limit={12}
              />
            </>
          )}
        </div>
      )}
    </aside>
  );
}

function Numbers({ stack }: { stack: Stack }) {
  const { header, index, height, width } = stack;
  const { explanation } = header;
  const values = nativeValues(stack);
  const span = extent(values);
  const error = heatError(stack);
  const score = scoreOf(explanation, index);
  const target = explanation.targets[index];
  const words = { labels: [], class_names: data.value?.model.probe?.class_names ?? [] };
  const rows: [string, string][] = [];
  if (target !== undefined) rows.push(['explained class', className(words, target)]);
  if (Number.isFinite(score)) rows.push(['its score', formatValue(score)]);
  if (span) {
    rows.push(['least', formatWithError(span[0], error)]);
    rows.push(['greatest', formatWithError(span[1], error)]);
  }
  rows.push(['recorded', isFlat(header) ? `${height} × ${width}` : String(width)]);
  if (explanation.site) rows.push(['made at', explanation.site]);
  const explained = explainedWords(explanation);
  const miss = Number(explanation.completeness_errors[index] ?? Number.NaN);
  return (
    <>
      <dl class="numbers">
        {rows.map(([name, value]) => (
          <div key={name} style={{ display: 'contents' }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {explained && <p class="hint">Explained: {explained}.</p>}
      {Number.isFinite(miss) && (
        <p class="hint" data-testid="completeness">
          Completeness: all values together are {formatValue(Math.abs(miss), 2)}{' '}
          {miss < 0 ? 'less' : 'more'} than the score’s difference from the baseline’s
          {Number.isFinite(score) && score !== 0 && (
            <>, {formatShare(Math.abs(miss / score))} of the score</>
          )}
          . More steps of integration make it smaller.
        </p>
      )}
    </>
  );
}

const CHART_HEIGHT = 72;

/** The score, or where nothing is scored the greatest value, over steps. */
function History({ run, stack }: { run: string; stack: Stack }) {
  const [ref, { width }] = useSize<SVGSVGElement>();
  const { path } = stack.header;
  const headers = historyOf(run, path).filter(({ blobs }) => stack.index < blobs);
  const scored = headers.some(({ explanation }) => explanation.scores.length > 0);
  const values = headers.map((header) =>
    scored ? scoreOf(header.explanation, stack.index) : greatestOf(header, stack.index),
  );
  const span = extent(values);
  const steps = headers.map((header) => header.step);
  const [low, high] = span ?? [0, 0];
  const [from, to] = [steps[0] ?? 0, steps[steps.length - 1] ?? 0];
  const x = (one: number) =>
    3 + (to > from ? ((one - from) / (to - from)) * (width - 6) : 0);
  const y = (value: number) =>
    high > low
      ? CHART_HEIGHT - 5 - ((value - low) / (high - low)) * (CHART_HEIGHT - 10)
      : CHART_HEIGHT / 2;
  const now = step.value;
  const title = scored ? 'score over steps' : 'greatest value over steps';
  const place = steps.indexOf(now ?? -1);
  return (
    <figure class="range" hidden={headers.length < 2 || !span} data-testid="heat-history">
      <svg
        ref={ref}
        class="heat-history"
        width="100%"
        height={CHART_HEIGHT}
        role="img"
        aria-label={`The ${title}, from ${formatValue(values[0], 3)} to ${formatValue(values[values.length - 1], 3)}`}
        onClick={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const share = (event.clientX - box.left - 3) / Math.max(1, box.width - 6);
          const wanted = from + share * (to - from);
          const nearest = steps.reduce((one, other) =>
            Math.abs(other - wanted) < Math.abs(one - wanted) ? other : one,
          );
          goToStep(nearest);
        }}
      >
        {low < 0 && high > 0 && <line class="zero" x1={0} x2={width} y1={y(0)} y2={y(0)} />}
        <path class="edge" d={linePath(steps.map(x), values.map(y))} />
        {now !== undefined && (
          <line class="now-line" x1={x(now)} x2={x(now)} y1={0} y2={CHART_HEIGHT} />
        )}
        {place >= 0 && Number.isFinite(values[place]) && (
          <circle class="now-dot" cx={x(steps[place])} cy={y(values[place])} r={3.5} />
        )}
      </svg>
      <figcaption>
        <span>{title}</span>
        <span>
          {formatValue(low, 3)} … {formatValue(high, 3)} · steps {formatCount(from)} …{' '}
          {formatCount(to)}
        </span>
      </figcaption>
    </figure>
  );
}

function greatestOf({ channels, low, high }: TensorHeader, sample: number): number {
  let top = 0;
  for (let i = sample * channels; i < (sample + 1) * channels; i++)
    top = Math.max(top, Math.abs(low[i]), Math.abs(high[i]));
  return top;
}
