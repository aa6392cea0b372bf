import { useMemo } from 'preact/hooks';
import { goToStep } from '../actions';
import { colormap } from '../colormaps';
import {
  formatCount,
  formatOrdinal,
  formatShape,
  formatShare,
  formatValue,
  plural,
} from '../format';
import { countedText, specialCount } from '../histogram';
import { type Chart, chartOf, indexAtOrBefore, type RunRow } from '../histogram_chart';
import {
  gridKind,
  gridRows,
  type Partner,
  partners,
  partnersError,
  partnersLoading,
  rowKinds,
  runRows,
} from '../histogram_runs';
import { placeNow } from '../shown_runs';
import { isWeightKind, KIND_TITLES, type Kind, ownName } from '../selection';
import { batchNote } from '../source';
import { HISTOGRAM_SCOPES, HISTOGRAM_MODES, state } from '../state';
import { statisticOverSteps } from '../statistics';
import {
  data,
  histogramRow,
  histograms,
  histogramsNearby,
  layer,
  rowName,
  rows,
  shownRuns,
  statisticsIndex,
  step,
} from '../store';
import { VALUE_AXES } from '../value_axis';
import { HISTOGRAM_BINS, jsonNumber } from '../wire_format';
import { Nearest, StepNotes } from './Absent';
import { runColor, runTitle } from './colors';
import { Segments } from './Controls';
import { dashOf } from './histogram_axes';
import { HEATMAP_COLORS } from './histogram_heatmap';
import { ridgeSteps } from './histogram_ridges';
import { HistogramChart, type Mode } from './HistogramChart';
import { HistogramGrid } from './HistogramGrid';
import { HistogramTable } from './HistogramTable';
import { useSize } from './hooks';
import { Failure, Note, Waiting } from './Messages';
import { ScaleBar } from './ScaleBar';

/** How the values of tensors are spread, over the steps. */
export function Histograms() {
  const known = data.value;
  const given = known?.model.histogram_edges;
  const edges = useMemo(() => (given ?? []).map(jsonNumber), [given]);
  if (!known) return null;
  return (
    <div class="view histograms">
      {state.scope.value === 'all' ? (
        <AllLayers edges={edges} />
      ) : (
        <OneLayer edges={edges} />
      )}
    </div>
  );
}

function AllLayers({ edges }: { edges: readonly number[] }) {
  const [known, kind, rows] = [data.value, gridKind.value, gridRows.value];
  if (!known) return null;
  const several = shownRuns.value.length > 1;
  return (
    <>
      <h1>
        All layers{' '}
        <small>
          {[
            kind && `${kind.replaceAll('_', ' ')} of ${plural(rows.length, 'layer')}`,
            several && `of ${runTitle(known.run)} alone`,
            'each with axes of its own',
            state.axis.value === 'linear' &&
              state.mode.value !== 'percentiles' &&
              'shares per unit of value',
          ]
            .filter(Boolean)
            .join(' · ')}
        </small>
      </h1>
      <div class="bar">
        <Segments
          label="What of the layers"
          value={kind}
          choices={rowKinds.value.map((value) => ({
            value,
            title: KIND_TITLES[value],
            testId: `tensor-${value}`,
          }))}
          onChoose={(value) => {
            state.tensor.value = value;
          }}
        />
        <span class="space" />
        <ScopePicker />
      </div>
      <div class="bar">
        <DrawingPicker />
        <span class="space" />
        <CsvLink rows={rows} what="these layers" />
      </div>
      <StepNotes />
      {rows.length === 0 ? (
        <Note>
          {kind
            ? 'No layer matches the search.'
            : 'No statistics or histograms are recorded of this run.'}
        </Note>
      ) : (
        <HistogramGrid edges={edges} />
      )}
    </>
  );
}

function OneLayer({ edges }: { edges: readonly number[] }) {
  const one = layer.value;
  const known = data.value;
  const row = histogramRow.value;
  const entry = row === undefined ? undefined : known?.model.rows[row];
  const { answer, error, loading } = histograms.value;
  return (
    <>
      <h1>
        {one?.path}{' '}
        <small>
          {[
            one?.class_name,
            entry && `${entry.kind.replaceAll('_', ' ')} ${formatShape(entry.shape)}`,
            entry && answer && countedText(entry.shape, entry.histogram_stride, counted()),
            entry && batchNote(entry.kind, known?.model.tables_source ?? ''),
          ]
            .filter(Boolean)
            .join(' · ')}
        </small>
      </h1>
      <div class="bar">
        {row !== undefined && (
          <Segments
            label="Which tensor"
            value={row}
            choices={rows.value.map((value) => ({
              value,
              title: rowTitle(value),
              testId: `tensor-${rowName(value)}`,
            }))}
            onChoose={(value) => {
              state.tensor.value = rowName(value);
            }}
          />
        )}
        <span class="space" />
        <ScopePicker />
      </div>
      {row !== undefined && (
        <div class="bar">
          <DrawingPicker />
          <span class="space" />
          <TableButton />
          <CsvLink rows={[row]} what="this tensor" />
        </div>
      )}
      {row === undefined && known && (
        <Note>
          No statistics or histograms are recorded of {one ? 'this layer' : 'this run'}
          {one &&
            ', as of those that only reshape, pad, crop, drop or normalise, unless asked for'}
          .
        </Note>
      )}
      {row !== undefined && known?.series.histograms === null && (
        <Note>This run holds no histograms.</Note>
      )}
      {answer?.steps.length === 0 && (
        <Note>No histograms are recorded of this tensor.</Note>
      )}
      <AtThisStep />
      <StepNotes />
      <div class={`chart-room ${loading ? 'stale' : ''}`}>
        {error && <Failure error={error} />}
        {loading && !answer && <Waiting />}
        {runRows.value.length > 0 && <Charts rows={runRows.value} edges={edges} />}
      </div>
    </>
  );
}

function ScopePicker() {
  return (
    <Segments
      label="Of which layers"
      value={state.scope.value}
      choices={HISTOGRAM_SCOPES.map((value) => ({
        value,
        title: value === 'layer' ? 'This layer' : 'All layers',
        hint:
          value === 'layer'
            ? 'The chosen layer, beside other runs'
            : 'A small chart for each layer of this run',
        testId: `scope-${value}`,
      }))}
      onChoose={(value) => {
        state.scope.value = value;
      }}
    />
  );
}

const MODE_WORDS: Record<Mode, { title: string; hint: string }> = {
  offset: { title: 'Ridges', hint: 'A histogram for each step, one behind the other' },
  overlay: { title: 'Overlay', hint: 'Histograms as lines over each other' },
  percentiles: {
    title: 'Percentiles',
    hint: 'Minimum, maximum and the shares between, over the steps',
  },
  heatmap: { title: 'Heat map', hint: 'A column for each step, a row for each bin' },
};

function DrawingPicker() {
  return (
    <>
      <Segments
        label="How histograms are drawn"
        value={state.mode.value}
        choices={HISTOGRAM_MODES.map((value) => ({
          value,
          ...MODE_WORDS[value],
          testId: `mode-${value}`,
        }))}
        onChoose={(value) => {
          state.mode.value = value;
        }}
      />
      <Segments
        label="The axis of values"
        value={state.axis.value}
        choices={VALUE_AXES.map((value) => ({
          value,
          title: value === 'symlog' ? 'Log' : 'Linear',
          hint:
            value === 'symlog'
              ? 'Logarithmic for both signs, with zero between'
              : 'Equal differences are equally long; shares become densities',
          testId: `axis-${value}`,
        }))}
        onChoose={(value) => {
          state.axis.value = value;
        }}
      />
    </>
  );
}

function TableButton() {
  const shown = state.table.value;
  return (
    <button
      type="button"
      class="button toggle"
      aria-pressed={shown}
      title="The numbers at this step"
      data-testid="table-toggle"
      onClick={() => {
        state.table.value = !shown;
      }}
    >
      Table
    </button>
  );
}

function CsvLink({ rows, what }: { rows: readonly number[]; what: string }) {
  const query = new URLSearchParams({ run: data.value?.run ?? '', table: 'histograms' });
  for (const row of rows) query.append('row', String(row));
  return (
    <a
      class="button"
      href={`export.csv?${query}`}
      download
      title={`Download all steps of ${what} as CSV`}
      data-testid="csv-link"
    >
      CSV
    </a>
  );
}

function rowTitle(row: number): string {
  const entry = data.value?.model.rows[row];
  if (!entry) return '';
  if (!isWeightKind(entry.kind)) {
    const title = KIND_TITLES[entry.kind as Kind] ?? entry.kind;
    return title + entry.path.slice(entry.layer_path.length);
  }
  const name = ownName(entry.path);
  return entry.kind === 'weight' ? name : `∂loss/∂${name}`;
}

/** Says where the nearest histograms are if this step has none. */
function AtThisStep() {
  const nearby = histogramsNearby.value;
  if (!nearby || nearby.here) return null;
  return (
    <div class="note" data-testid="absent">
      No histogram of this tensor at step {formatCount(step.value ?? 0)}.{' '}
      <Nearest nearby={nearby} />
    </div>
  );
}

/** Of the scrubber's step: the values of the tensor, and those that its histogram counts. */
function counted(): { count: number; counted: number } | undefined {
  const [known, row, answer] = [data.value, histogramRow.value, histograms.value.answer];
  const at = answer?.steps.indexOf(step.value ?? -1) ?? -1;
  if (!known?.statistics || !answer || row === undefined || at < 0) return undefined;
  const counts = statisticOverSteps(known.model, known.statistics, row, 'count');
  const bins = answer.counts.subarray(at * HISTOGRAM_BINS, (at + 1) * HISTOGRAM_BINS);
  return {
    count: counts[statisticsIndex.value] ?? Number.NaN,
    counted: bins.reduce((sum, bin) => sum + bin, 0),
  };
}

/** The charts of the layer's tensor: of one run, or of several. */
function Charts({ rows, edges }: { rows: RunRow[]; edges: readonly number[] }) {
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
  // −1 at a step without a histogram: none is marked.
  const place = placeNow.value ?? at;
  const currents = rows.map(({ histograms, places }, i) =>
    i === 0 ? histograms.steps.indexOf(at) : indexAtOrBefore(places, place),
  );
  const together = mode === 'overlay' || mode === 'percentiles';
  const several = rows.length > 1;
  return (
    <>
      {partnersError.value && <Failure error={partnersError.value} />}
      <Absentees rows={rows} />
      {several && together && <RunKeys rows={rows} currents={currents} mode={mode} />}
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
                  <RunKey row={rows[i]} run={i} current={currents[i]} />
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

/** The runs of a chart by colour and dash. */
function RunKeys(props: { rows: readonly RunRow[]; currents: number[]; mode: Mode }) {
  const { rows, currents, mode } = props;
  return (
    <ul class="run-keys" aria-label="Runs in the chart" data-testid="run-keys">
      {rows.map((row, run) => (
        <li key={row.run}>
          <svg width="26" height="10" aria-hidden="true">
            <path
              d="M1 5h24"
              style={{ stroke: runColor(row.index) }}
              stroke-dasharray={dashOf(run).join(' ')}
            />
          </svg>
          <RunKey
            row={row}
            run={run}
            current={mode === 'percentiles' ? undefined : currents[run]}
          />
        </li>
      ))}
    </ul>
  );
}

/** A run's name, and its step where it is not the scrubber's. */
function RunKey(props: { row: RunRow; run: number; current: number | undefined }) {
  const { row, run, current } = props;
  const { steps } = row.histograms;
  let note = '';
  if (run > 0 && current !== undefined && steps[current] !== step.value) {
    note =
      current < 0
        ? `begins at step ${formatCount(steps[0])}`
        : `at step ${formatCount(steps[current])}`;
  }
  return (
    <span class="run-key">
      {runTitle(row.run)} {note && <small>{note}</small>}
    </span>
  );
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

function absenceText({ run, known, row }: Partner): string {
  const title = runTitle(run);
  const entry = data.value?.model.rows[histogramRow.value ?? -1];
  const what = entry
    ? `${entry.kind.replaceAll('_', ' ')} of ${entry.path}`
    : 'such tensor';
  if (!known) return `${title} could not be read.`;
  if (row < 0) return `${title} has no ${what}.`;
  return `${title} has no histograms of the ${what}.`;
}

/** The greatest height, of a share or of a density. */
function peakText({ scale, peak }: Chart): string {
  return scale.axis === 'linear' ? `${formatValue(peak, 3)} per unit` : formatShare(peak);
}

/** What the picture means, in words. */
function explanation(chart: Chart, mode: Mode, currents: readonly number[]): string {
  const { scale, runs } = chart;
  const linear = scale.axis === 'linear';
  const several = runs.length > 1;
  const { steps } = runs[0].histograms;
  const most = peakText(chart);
  const share = `the share of a step’s values${linear ? ' per unit of value' : ''}`;
  const bins = linear
    ? 'Bins are half octaves of |x| at their true widths; those nearest to 0 are drawn as one.'
    : 'Bins are half octaves of |x|; those next to 0 that hold little are drawn as one.';
  const height = `Height is ${share}, at most ${most}; zeros, NaN and ±Inf have a scale of their own, to 100 %. ${bins}`;
  switch (mode) {
    case 'offset': {
      const shown = ridgeSteps(steps.length, currents[0], false).length;
      const every = Math.max(1, Math.round(steps.length / shown));
      return `A ridge for each ${every > 1 ? `${formatOrdinal(every)} ` : ''}step, the newest in front. ${height}`;
    }
    case 'overlay':
      return several
        ? `A line for each run; behind it other steps of ${runTitle(runs[0].run)}, older ones fainter. ${height}`
        : `A line for each step, older ones fainter, the scrubber’s on top. ${height}`;
    case 'percentiles':
      return percentilesText(chart);
    default:
      return `Colour is ${share}, to ${most} on a square-root scale; blank is none. ${linear ? 'The colour of zeros is their share, to 100 %.' : 'Zeros may go beyond.'} ${bins}`;
  }
}

function percentilesText({ runs }: Chart): string {
  const lines =
    runs.length > 1
      ? 'Of each run the median as a thick line, a ribbon from 16 % to 84 % (of a normal distribution, µ ± σ), and thin lines at minimum and maximum.'
      : 'Of a normal distribution, 7, 16, 31, 50, 69, 84 and 93 % lie at µ − 1½σ, µ − σ, µ − ½σ, µ, µ + ½σ, µ + σ and µ + 1½σ.';
  const exact = runs.every(({ lows, highs, percentiles }) =>
    percentiles.every(
      ([least], i) => Number.isNaN(least) || Number.isFinite(lows[i] + highs[i]),
    ),
  );
  const odd = runs.flatMap(({ histograms: { counts, steps } }) =>
    steps.filter((_, i) => specialCount(counts, i) > 0),
  ).length;
  return [
    lines,
    'Percentiles follow from the bins, the values of each taken to lie evenly between its edges;',
    exact
      ? 'minimum and maximum are exact.'
      : 'so do minimum and maximum where statistics lack them.',
    odd > 0 &&
      `NaN and ±Inf are left out; ${plural(odd, 'step')} that have some are marked below.`,
  ]
    .filter(Boolean)
    .join(' ');
}
