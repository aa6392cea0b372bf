import { signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';
import { selectLayer, turn } from '../actions';
import { versusRun, versusStep } from '../compare_store';
import { formatCount, formatShare, plural } from '../format';
import { countIn } from '../histogram';
import { type Chart, chartOf, type RunRow } from '../histogram_chart';
import { formatPoints } from '../histogram_pair';
import {
  histogramPairs,
  pairsError,
  pairsLoading,
  ranking,
  shownPair,
} from '../histogram_pair_store';
import { state } from '../state';
import { data, histogramRow, histogramsNearby } from '../store';
import { runColor, runTitle } from './colors';
import { Floating } from './Floating';
import { dashOf } from './histogram_axes';
import { comparedDrawing } from './histogram_compared';
import { peakText } from './histogram_words';
import { ChartCanvas, type Pointed, rangeText } from './HistogramChart';
import { HistogramTable } from './HistogramTable';
import { type Size, useSize } from './hooks';
import { Failure, Note, Waiting } from './Messages';

/** Where the line of a swipe lies, as a share of the axis. */
const swipe = signal(0.5);

/** What the distance of two histograms is, where a word of it stands. */
const DISTANCE_HINT =
  'Jensen–Shannon distance over all bins: 0 where all shares are equal, 1 where no bin counts values of both';

/** The histograms of A and B of one tensor, and which layers differ most. */
export function ComparedHistograms({ edges }: { edges: readonly number[] }) {
  const pair = shownPair.value;
  const axis = state.axis.value;
  const chart = useMemo(
    () => pair && chartOf(pair.rows, edges, axis, false),
    [pair, edges, axis],
  );
  const found = histogramPairs.value;
  // Else the page says where the nearest step is that has it.
  const hasHere = histogramsNearby.value?.here;
  return (
    <div class={`chart-room ${pairsLoading.value ? 'stale' : ''}`}>
      {pairsError.value && <Failure error={pairsError.value} />}
      {pairsLoading.value && !found && <Waiting />}
      {!pair && hasHere && (found || versusStep.value === undefined) && <NoPartner />}
      {pair && <PairKeys rows={pair.rows} distance={pair.distance} />}
      <div class="charts-and-table">
        <div class="charts pair">{chart && <Chart chart={chart} />}</div>
        {pair && state.table.value && (
          <HistogramTable rows={pair.rows} currents={[0, 0]} edges={edges} compared />
        )}
        {hasHere && found && <Ranking />}
      </div>
      {chart && <p class="explanation">{explanation(chart)}</p>}
    </div>
  );
}

function Chart({ chart }: { chart: Chart }) {
  const [ref, size] = useSize<HTMLDivElement>();
  return (
    <div ref={ref} class="chart compared">
      <PairChart
        chart={chart}
        size={size}
        testId="compared-histogram"
        label="Histograms of A and B, and A − B"
      />
    </div>
  );
}

/** A and B; small, over each other without their difference. */
export function PairChart(props: {
  chart: Chart;
  size: Size;
  small?: boolean;
  testId: string;
  label: string;
}) {
  const { chart, size, small = false, testId, label } = props;
  const comparison = small ? 'overlay' : state.histogramComparison.value;
  const { width, height } = size;
  const at = comparison === 'swipe' ? swipe.value : 0;
  const shown = comparison === 'flicker' ? turn.value : 'a';
  const drawing = useMemo(() => {
    const size = { width, height };
    return comparedDrawing({ chart, comparison, turn: shown, swipe: at, size, small });
  }, [chart, comparison, shown, at, width, height, small]);
  const [a, b] = chart.runs;
  return (
    <ChartCanvas
      drawing={drawing}
      size={size}
      testId={testId}
      label={label}
      shown={{
        comparison,
        axis: chart.scale.axis,
        turn: comparison === 'flicker' ? shown : '',
        swipe: comparison === 'swipe' ? at.toFixed(2) : '',
        steps: `${a.histograms.steps[0]} ${b.histograms.steps[0]}`,
      }}
      valid={({ column }) => a.shares[0][column] !== undefined}
      readOut={(at) => <ReadOut chart={chart} at={at} />}
      onMove={
        comparison === 'swipe'
          ? (x) => {
              swipe.value = drawing.share?.(x) ?? swipe.value;
            }
          : undefined
      }
    />
  );
}

function ReadOut({ chart, at }: { chart: Chart; at: Pointed }) {
  const { columns, runs } = chart;
  const column = [...columns.finite, ...columns.special][at.column];
  const [a, b] = runs.map(({ shares }) => shares[0][at.column]);
  return (
    <Floating pageX={at.pageX} pageY={at.pageY}>
      <b>{rangeText(column)}</b>
      <dl class="levels">
        {runs.map(({ histograms, shares }, i) => (
          <div key={i}>
            <dt>{'AB'[i]}</dt>
            <dd>
              {plural(countIn(histograms.counts, 0, column), 'value')} ·{' '}
              {formatShare(shares[0][at.column])}
            </dd>
          </div>
        ))}
        <div class="median">
          <dt>A − B</dt>
          <dd>{formatPoints(a - b)}</dd>
        </div>
      </dl>
    </Floating>
  );
}

/** What A and B are, and how far they lie apart. */
export function PairKeys(props: { rows: readonly RunRow[]; distance?: number }) {
  const { rows, distance } = props;
  const swiped = distance !== undefined && state.histogramComparison.value === 'swipe';
  return (
    <ul class="run-keys" aria-label="What is compared" data-testid="pair-keys">
      {rows.map((row, side) => (
        <li key={side}>
          <PairSwatch rows={rows} side={side} />
          <span class="run-key">
            {'AB'[side]}: {runTitle(row.run)}{' '}
            <small>step {formatCount(row.histograms.steps[0])}</small>
          </span>
        </li>
      ))}
      {distance !== undefined && (
        <li title={DISTANCE_HINT} data-testid="pair-distance" data-distance={distance}>
          distance {formatDistance(distance)}
        </li>
      )}
      {swiped && (
        <li>
          <label class="swipe-slider">
            line{' '}
            <input
              type="range"
              min="0"
              max="1"
              step="0.01"
              data-testid="swipe-slider"
              value={swipe.value}
              onInput={(event) => {
                swipe.value = Number(event.currentTarget.value);
              }}
            />
          </label>
        </li>
      )}
    </ul>
  );
}

function PairSwatch({ rows: [a, b], side }: { rows: readonly RunRow[]; side: number }) {
  const own = a.run === b.run && side === 1;
  return (
    <svg width="26" height="10" aria-hidden="true">
      <path
        d="M1 5h24"
        style={{ stroke: own ? 'var(--ridge)' : runColor([a, b][side].index) }}
        stroke-dasharray={dashOf(side).join(' ')}
      />
    </svg>
  );
}

export function formatDistance(distance: number): string {
  return Number.isNaN(distance) ? 'none' : distance.toFixed(3);
}

/** The layers from the most changed to the least; a click shows one. */
function Ranking() {
  const current = histogramRow.value;
  return (
    <section class="ranking" aria-label="Most changed layers">
      <h2 title={DISTANCE_HINT}>
        Most changed <small>distance 0 … 1</small>
      </h2>
      <ol data-testid="ranking">
        {ranking.value.map(({ row, path, layerPath, distance }) => (
          <li key={row}>
            <button
              type="button"
              data-path={path}
              data-distance={distance}
              aria-current={row === current ? 'true' : undefined}
              title={`${path}: ${formatDistance(distance)}`}
              onClick={() => selectLayer(layerPath)}
            >
              <span class="name">
                <bdi>{path}</bdi>
              </span>
              <span class="figure">{formatDistance(distance)}</span>
              <i style={{ width: `${100 * distance}%` }} />
            </button>
          </li>
        ))}
      </ol>
      <Unmatched />
    </section>
  );
}

/** What only one of the two has. */
export function Unmatched() {
  const found = histogramPairs.value;
  if (!found) return null;
  const only = [
    { side: 'A', paths: found.onlyHere },
    { side: 'B', paths: found.onlyThere },
  ].filter(({ paths }) => paths.length > 0);
  if (only.length === 0) return null;
  return (
    <p class="note" data-testid="unmatched">
      {only.map(({ side, paths }) => `Only ${side} has ${paths.join(', ')}.`).join(' ')}
    </p>
  );
}

/** B has no histogram of the tensor. */
function NoPartner() {
  const run = versusRun.value?.run;
  const entry = data.value?.model.rows[histogramRow.value ?? -1];
  if (!entry || run === undefined) {
    return <Note>There is no run to compare with. Tick another run at the left.</Note>;
  }
  const at = versusStep.value;
  return (
    <p class="note" data-testid="no-partner">
      {runTitle(run)} has no histogram of the {entry.kind.replaceAll('_', ' ')} of{' '}
      {entry.path}
      {at !== undefined && ` at step ${formatCount(at)}`}.
    </p>
  );
}

/** What the picture means, in words. */
function explanation(chart: Chart): string {
  const linear = chart.scale.axis === 'linear';
  const unit = linear ? ' per unit of value' : '';
  const scales = linear
    ? 'zeros, NaN and ±Inf have a scale of their own, to 100 %'
    : 'zeros, NaN and ±Inf have a scale of their own in A and B, to 100 %, and that of all bins in A − B, where what is above and below adds up to 0';
  return `Height is the share of a tensor’s values${unit}, at most ${peakText(chart)}; ${scales}. A − B is the difference of shares${unit}, in figures in points of percent (pp). Distance is that of Jensen and Shannon over all bins: 0 where all shares are equal, 1 where no bin counts values of both.`;
}
