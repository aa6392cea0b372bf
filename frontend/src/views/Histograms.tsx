import { type ReadonlySignal, signal } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { goToStep } from '../actions';
import type { Histograms as HistogramData } from '../api';
import {
  formatCount,
  formatOrdinal,
  formatShare,
  formatShape,
  formatValue,
  plural,
} from '../format';
import {
  type Columns,
  columnsOf,
  countedText,
  countIn,
  peakShare,
  shares,
  ticks,
  totals,
} from '../histogram';
import { isWeightKind, KIND_TITLES, type Kind, ownName } from '../selection';
import { batchNote } from '../source';
import { HISTOGRAM_MODES, state } from '../state';
import { statisticOverSteps } from '../statistics';
import {
  data,
  histogramRow,
  histograms,
  histogramsNearby,
  layer,
  rowName,
  rows,
  statisticsIndex,
  step,
} from '../store';
import { dark } from '../theme';
import { HISTOGRAM_BINS, jsonNumber } from '../wire_format';
import { Nearest, StepNotes } from './Absent';
import { Segments } from './Controls';
import {
  chartFrame,
  drawHeatmap,
  drawRidges,
  type Frame,
  stepUnder,
  columnUnder,
} from './histogram_drawing';
import { useSize } from './hooks';
import { Failure, Note, Waiting } from './Messages';

/** How the values of one tensor of the layer are spread, over the steps. */
export function Histograms() {
  const one = layer.value;
  const known = data.value;
  const row = histogramRow.value;
  const entry = row === undefined ? undefined : known?.model.rows[row];
  const { answer, error, loading } = histograms.value;
  return (
    <div class="view histograms">
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
      <div class="bar" hidden={row === undefined}>
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
        <span class="space" />
        <Segments
          label="How histograms are drawn"
          value={state.mode.value}
          choices={HISTOGRAM_MODES.map((value) => ({
            value,
            title: value === 'offset' ? 'Ridges' : 'Heat map',
            testId: `mode-${value}`,
          }))}
          onChoose={(value) => {
            state.mode.value = value;
          }}
        />
      </div>
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
        {answer && known && answer.steps.length > 0 && (
          <Chart
            key={`${known.run} ${row}`}
            answer={answer}
            edges={known.model.histogram_edges}
          />
        )}
      </div>
    </div>
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

interface Pointed {
  step: number;
  column: number;
  pageX: number;
  pageY: number;
}

const pointed = signal<Pointed | null>(null);

interface Prepared {
  columns: Columns;
  shares: Float64Array[];
  peak: number;
}

function Chart(props: { answer: HistogramData; edges: readonly (number | string)[] }) {
  const { answer, edges } = props;
  const [ref, { width, height }] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const prepared = useMemo<Prepared>(() => {
    const columns = columnsOf(totals(answer.counts), edges.map(jsonNumber));
    const all = answer.steps.map((_, i) => shares(answer.counts, i, columns));
    return { columns, shares: all, peak: peakShare(all, columns) };
  }, [answer, edges]);
  const mode = state.mode.value;
  // −1 at a step without a histogram: none is marked.
  const current = answer.steps.indexOf(step.value ?? -1);
  const frame = chartFrame(
    mode,
    { width, height },
    prepared.columns,
    answer.steps.length,
    current,
  );
  const isDark = dark.value;

  useLayoutEffect(() => {
    if (!canvas.current || width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.current.width = Math.round(width * ratio);
    canvas.current.height = Math.round(height * ratio);
    const context = canvas.current.getContext('2d');
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const draw = mode === 'offset' ? drawRidges : drawHeatmap;
    const tickList = ticks(prepared.columns.finite, 44 / frame.column);
    draw(context, { ...prepared, frame, ticks: tickList, steps: answer.steps, current });
  }, [answer, prepared, mode, width, height, current, isDark]);

  const point = (event: PointerEvent): Pointed | null => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const column = columnUnder(frame, x, y);
    const index = stepUnder(frame, x, y);
    if (column === undefined || index === undefined) return null;
    return { step: index, column, pageX: event.clientX, pageY: event.clientY };
  };

  return (
    <>
      <div ref={ref} class="chart">
        <canvas
          ref={canvas}
          data-testid="histogram-canvas"
          data-mode={mode}
          data-step={answer.steps[current]}
          role="img"
          aria-label={`Histograms of ${plural(answer.steps.length, 'step')}`}
          onPointerMove={(event) => {
            pointed.value = point(event);
          }}
          onPointerLeave={() => {
            pointed.value = null;
          }}
          onClick={(event) => {
            const at = point(event as unknown as PointerEvent);
            if (at) goToStep(answer.steps[at.step]);
          }}
        />
        <Outline frame={frame} pointed={pointed} />
      </div>
      <Explanation frame={frame} peak={prepared.peak} />
      <ReadOut answer={answer} columns={prepared.columns} shares={prepared.shares} />
    </>
  );
}

/** The column and step under the pointer, marked without drawing the chart again. */
function Outline({
  frame,
  pointed,
}: {
  frame: Frame;
  pointed: ReadonlySignal<Pointed | null>;
}) {
  const at = pointed.value;
  if (!at) return null;
  const box = frame.cell(at.step, at.column);
  return (
    <i
      class="outline"
      style={{
        left: `${box.left}px`,
        top: `${box.top}px`,
        width: `${box.width}px`,
        height: `${box.height}px`,
      }}
    />
  );
}

function Explanation({ frame, peak }: { frame: Frame; peak: number }) {
  return (
    <p class="explanation">
      {frame.mode === 'offset'
        ? `A ridge for each ${frame.every > 1 ? `${formatOrdinal(frame.every)} ` : ''}step, the newest in front. Height is the share of a step’s values, at most ${formatShare(peak)}; the column of zeros has a scale of its own, to 100 %.`
        : `Colour is the share of a step’s values, to ${formatShare(peak)} on a square-root scale; blank is none. Zeros may go beyond.`}{' '}
      Bins are half octaves of |x|; those next to 0 that hold little are drawn as one.
    </p>
  );
}

function ReadOut(props: {
  answer: HistogramData;
  columns: Columns;
  shares: Float64Array[];
}) {
  const { answer, columns, shares } = props;
  const at = pointed.value;
  if (!at) return null;
  const column = [...columns.finite, ...columns.special][at.column];
  if (!column || answer.steps[at.step] === undefined) return null;
  const count = countIn(answer.counts, at.step * HISTOGRAM_BINS, column);
  const range = column.special
    ? { nan: 'NaN', positiveInf: '+Inf', negativeInf: '−Inf' }[column.special]
    : column.low === 0 && column.high === 0
      ? 'exactly 0'
      : `${formatValue(column.low, 3)} … ${formatValue(column.high, 3)}`;
  const right = at.pageX > window.innerWidth - 280;
  return (
    <div
      class="read-out"
      data-testid="hover-readout"
      role="status"
      style={{
        left: `${at.pageX}px`,
        top: `${at.pageY}px`,
        transform: `translate(${right ? 'calc(-100% - 12px)' : '14px'}, calc(-100% - 10px))`,
      }}
    >
      <b>
        {formatCount(count)} {count === 1 ? 'value' : 'values'} ·{' '}
        {formatShare(shares[at.step][at.column])}
      </b>
      <span>{range}</span>
      <span>step {formatCount(answer.steps[at.step])}</span>
    </div>
  );
}
