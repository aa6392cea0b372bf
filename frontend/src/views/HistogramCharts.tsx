import { useMemo } from 'preact/hooks';
import { goToStep } from '../actions';
import { colormap } from '../colormaps';
import { formatCount, plural } from '../format';
import { type Chart, chartOf, currentsOf, type RunRow } from '../histogram_chart';
import {
  drawsRunsTogether,
  partners,
  partnersError,
  partnersLoading,
} from '../histogram_runs';
import { placeNow } from '../shown_runs';
import { state } from '../state';
import { step } from '../store';
import { runColor, runTitle } from './colors';
import { dashOf } from './histogram_axes';
import { HEATMAP_COLORS } from './histogram_heatmap';
import { HistogramChart, type Mode } from './HistogramChart';
import { absenceText, explanation, peakText } from './histogram_words';
import { HistogramTable } from './HistogramTable';
import { useSize } from './hooks';
import { Failure } from './Messages';
import { ScaleBar } from './ScaleBar';

/** The charts of the layer's tensor: of one run, or of several. */
export function HistogramCharts({
  rows,
  edges,
}: {
  rows: RunRow[];
  edges: readonly number[];
}) {
  const mode = state.mode.value;
  const axis = state.axis.value;
  const at = step.value ?? -1;
  const chart = useMemo(
    () => chartOf(rows, edges, axis, mode === 'percentiles'),
    [rows, edges, axis, mode === 'percentiles'],
  );
  const apart = useMemo(
    () => chart.runs.map((run) => ({ ...chart, runs: [run] })),
    [chart],
  );
  const currents = currentsOf(rows, at, placeNow.value ?? at);
  const together = drawsRunsTogether(mode);
  const several = rows.length > 1;
  return (
    <>
      {partnersError.value && <Failure error={partnersError.value} />}
      <Absentees rows={rows} />
      {several && together && (
        <RunKeys
          runs={rows}
          note={(i) => (mode === 'percentiles' ? '' : stepNote(rows[i], currents[i]))}
        />
      )}
      {mode === 'heatmap' && <ColorLegend chart={chart} />}
      <div class="charts-and-table">
        <div class="charts">
          {together || !several ? (
            <OneChart chart={chart} mode={mode} currents={currents} first />
          ) : (
            apart.map((own, i) => (
              <figure key={rows[i].run}>
                <figcaption>
                  <i style={{ background: runColor(rows[i].index) }} />
                  <RunKey
                    run={rows[i].run}
                    note={i === 0 ? '' : stepNote(rows[i], currents[i])}
                  />
                </figcaption>
                <OneChart
                  chart={own}
                  mode={mode}
                  currents={[currents[i]]}
                  first={i === 0}
                />
              </figure>
            ))
          )}
        </div>
        {state.table.value && (
          <HistogramTable rows={rows} currents={currents} edges={edges} />
        )}
      </div>
      <p class="explanation">{explanation(chart, mode, currents)}</p>
    </>
  );
}

function OneChart(props: {
  chart: Chart;
  mode: Mode;
  currents: number[];
  /** Whether it shows the run that is shown everywhere. */
  first: boolean;
}) {
  const [ref, size] = useSize<HTMLDivElement>();
  const { chart, first } = props;
  const steps = chart.runs[0].histograms.steps.length;
  return (
    <div ref={ref} class="chart">
      <HistogramChart
        {...props}
        size={size}
        testId={first ? 'histogram-canvas' : 'histogram-canvas-beside'}
        label={`Histograms of ${plural(steps, 'step')}${first ? '' : ` of ${runTitle(chart.runs[0].run)}`}`}
        onStep={goToStep}
      />
    </div>
  );
}

/** What the colours of a heat map mean. */
function ColorLegend({ chart }: { chart: Chart }) {
  return (
    <div class="legend">
      <span class="end">0</span>
      <ScaleBar domain={{ low: 0, high: chart.peak }} map={colormap(HEATMAP_COLORS)} />
      <span class="end">{peakText(chart)}</span>
      <small>square root</small>
    </div>
  );
}

/** The runs of a chart by colour and dash, and what is to be known of those beside. */
export function RunKeys(props: {
  runs: readonly Pick<RunRow, 'run' | 'index'>[];
  note?: (i: number) => string;
}) {
  return (
    <ul class="run-keys" aria-label="Runs in the chart" data-testid="run-keys">
      {props.runs.map(({ run, index }, i) => (
        <li key={run}>
          <svg width="26" height="10" aria-hidden="true">
            <path
              d="M1 5h24"
              style={{ stroke: runColor(index) }}
              stroke-dasharray={dashOf(i).join(' ')}
            />
          </svg>
          <RunKey run={run} note={i === 0 ? '' : (props.note?.(i) ?? '')} />
        </li>
      ))}
    </ul>
  );
}

function RunKey({ run, note }: { run: string; note: string }) {
  return (
    <span class="run-key">
      {runTitle(run)} {note && <small>{note}</small>}
    </span>
  );
}

/** The step that is marked of a run beside, where it is not the scrubber's. */
function stepNote({ histograms: { steps } }: RunRow, current: number): string {
  if (steps[current] === step.value) return '';
  return current < 0
    ? `begins at step ${formatCount(steps[0])}`
    : `at step ${formatCount(steps[current])}`;
}

/** Says which of the runs beside have no histograms to show, and why. */
function Absentees({ rows }: { rows: readonly RunRow[] }) {
  const absent = partners.value.filter(
    ({ run, row }) =>
      !rows.some((one) => one.run === run) &&
      // Of those there are, some may be on their way.
      (row < 0 || !partnersLoading.value),
  );
  if (absent.length === 0 || partnersError.value) return null;
  return (
    <p class="note" data-testid="absentees">
      {absent.map(absenceText).join(' ')}
    </p>
  );
}
