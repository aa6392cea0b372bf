import { useMemo } from 'preact/hooks';
import { histogramFacts } from '../about';
import { formatCount, formatShape, plural } from '../format';
import { countedText } from '../histogram';
import {
  drawsRunsTogether,
  gridKind,
  gridRows,
  gridRuns,
  rowKinds,
  runRows,
} from '../histogram_runs';
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
  type RunData,
  runs,
  shownRuns,
  statisticsIndex,
  step,
} from '../store';
import { VALUE_AXES } from '../value_axis';
import { HISTOGRAM_BINS, jsonNumber } from '../wire_format';
import { TitleWithAbout } from './About';
import { Nearest, StepNotes } from './Absent';
import { runTitle } from './colors';
import { CompareControls } from './CompareControls';
import { Segments, TableButton } from './Controls';
import type { Mode } from './HistogramChart';
import { HistogramCharts, RunKeys } from './HistogramCharts';
import { HistogramGrid } from './HistogramGrid';
import { ComparedHistograms } from './HistogramPair';
import { ComparedGrid, PairOrderPicker } from './HistogramPairGrid';
import { Failure, Note, Waiting } from './Messages';

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
  const compared = state.compare.value;
  const together = drawsRunsTogether(state.mode.value);
  const several = shownRuns.value.length > 1 && !compared;
  return (
    <>
      <h1>
        All layers{' '}
        <small>
          {[
            kind && `${kind.replaceAll('_', ' ')} of ${plural(rows.length, 'layer')}`,
            several &&
              !together &&
              `of ${runTitle(known.run)} alone: areas of several runs would hide each other`,
            compared && 'with the Jensen–Shannon distance of A and B, 0 … 1',
            'each with axes of its own',
            state.axis.value === 'linear' &&
              (compared || state.mode.value !== 'percentiles') &&
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
      {compared && <CompareControls />}
      <div class="bar">
        <DrawingPicker />
        {compared && <PairOrderPicker />}
      </div>
      <StepNotes />
      {rows.length === 0 ? (
        <Note>
          {kind
            ? 'No layer matches the search.'
            : 'No statistics or histograms are recorded of this run.'}
        </Note>
      ) : compared ? (
        <ComparedGrid edges={edges} />
      ) : (
        <>
          {several && together && <RunKeys runs={gridRuns.value.map(keyOf)} />}
          <HistogramGrid edges={edges} />
        </>
      )}
    </>
  );
}

function keyOf({ run }: RunData) {
  return { run, index: (runs.value ?? []).findIndex((one) => one.run === run) };
}

function OneLayer({ edges }: { edges: readonly number[] }) {
  const one = layer.value;
  const known = data.value;
  const row = histogramRow.value;
  const entry = row === undefined ? undefined : known?.model.rows[row];
  const { answer, error, loading } = histograms.value;
  return (
    <>
      <TitleWithAbout
        tensor={
          known && entry && row !== undefined
            ? histogramFacts(entry, row, known.run, known.model, counted())
            : undefined
        }
      >
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
      </TitleWithAbout>
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
      {row !== undefined && state.compare.value && <CompareControls />}
      {row !== undefined && (
        <div class="bar">
          <DrawingPicker />
          <span class="space" />
          <TableButton title="The numbers at this step" />
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
      {state.compare.value ? (
        row !== undefined && <ComparedHistograms edges={edges} />
      ) : (
        <div class={`chart-room ${loading ? 'stale' : ''}`}>
          {error && <Failure error={error} />}
          {loading && !answer && <Waiting />}
          {runRows.value.length > 0 && (
            <HistogramCharts rows={runRows.value} edges={edges} />
          )}
        </div>
      )}
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
      {!state.compare.value && (
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
      )}
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
