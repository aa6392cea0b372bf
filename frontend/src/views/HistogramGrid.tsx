import { batch, computed, type Signal, useSignal } from '@preact/signals';
import type { ComponentChildren, Ref } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { selectLayer } from '../actions';
import { getHistograms, type Histograms } from '../api';
import { formatCount } from '../format';
import { rowsApart } from '../histogram';
import { chartOf, currentsOf, type RunRow } from '../histogram_chart';
import { gridRows, gridRuns, rowsQuestion, runRow } from '../histogram_runs';
import { resource } from '../resource';
import { isWeightKind, ownName, rowOf } from '../selection';
import { placeNow } from '../shown_runs';
import { state } from '../state';
import { data, layer, rowName, type RunData, step } from '../store';
import { HistogramChart } from './HistogramChart';
import { type Size, useSize, useVisible } from './hooks';
import { Failure, Note } from './Messages';

/** So many rows are asked for at once: half a megabyte for a hundred steps. */
const ROWS_ASKED = 8;
const LEAST_WIDTH = 216;
const HEIGHT = 138;
// From this width of the page's centre on, charts are larger.
const LARGE_ROOM = 2200;
const GAP = 12;

/** A small chart for each layer that has the chosen kind of tensor. */
export function HistogramGrid({ edges }: { edges: readonly number[] }) {
  const known = data.value;
  const rows = gridRows.value;
  if (!known) return null;
  if (known.series.histograms === null) return <Note>This run holds no histograms.</Note>;
  const groups = Array.from({ length: Math.ceil(rows.length / ROWS_ASKED) }, (_, i) =>
    rows.slice(i * ROWS_ASKED, (i + 1) * ROWS_ASKED),
  );
  return (
    <CardGrid>
      {(size) =>
        groups.map((group) => (
          <Group
            key={`${known.run} ${group.join()}`}
            rows={group}
            edges={edges}
            size={size}
          />
        ))
      }
    </CardGrid>
  );
}

/** Cards in columns of one width, as many as fit. */
export function CardGrid(props: { children: (size: Size) => ComponentChildren }) {
  const [ref, { width }] = useSize<HTMLDivElement>();
  const scale = width > LARGE_ROOM ? 1.6 : 1;
  const columns = Math.max(1, Math.floor((width + GAP) / (scale * LEAST_WIDTH + GAP)));
  const size = {
    width: Math.floor((width + GAP) / columns) - GAP - 2,
    height: scale * HEIGHT,
  };
  return (
    <div class="maps-room" data-testid="histogram-grid">
      <div
        ref={ref}
        class="chart-grid"
        style={{ gridTemplateColumns: `repeat(${columns}, 1fr)`, gap: `${GAP}px` }}
      >
        {width > 0 && props.children(size)}
      </div>
    </div>
  );
}

/** Charts whose histograms are asked for together, while any of them is in view. */
function Group(props: { rows: number[]; edges: readonly number[]; size: Size }) {
  const { rows } = props;
  const seen = useSignal(0);
  const answers = useMemo(() => {
    const inView = computed(() => seen.value > 0);
    const question = computed(() => {
      if (!inView.value) return undefined;
      const all = gridRuns.value.flatMap((known) => {
        const own = partnerRows(rows, known).filter((row) => row >= 0);
        return rowsQuestion(known, own) ?? [];
      });
      return all.length > 0 ? all : undefined;
    });
    return resource(question, {
      key: (all) => JSON.stringify(all),
      load: (all, signal) =>
        Promise.all(
          all.map(async ({ run, rows }) => ({
            run,
            histograms: rowsApart(await getHistograms(run, rows, signal)),
          })),
        ),
      keep: () => true,
    });
  }, []);
  useEffect(() => answers.dispose, [answers]);
  const { answer, error } = answers.value;
  return (
    <>
      {error && <Failure error={error} />}
      {rows.map((row) => (
        <Chart key={row} {...props} row={row} answer={answer} seen={seen} />
      ))}
    </>
  );
}

type Answer = { run: string; histograms: Histograms[] }[];

/** What the chart of a row shows: of each run that has it, the shown one first. */
function runRowsOf(row: number, answer: Answer): RunRow[] {
  const found = gridRuns.value.flatMap((known) => {
    const [own] = partnerRows([row], known);
    const histograms = answer
      .find(({ run }) => run === known.run)
      ?.histograms.find(({ rows }) => rows[0] === own);
    return histograms && histograms.steps.length > 0
      ? [runRow(known, own, histograms)]
      : [];
  });
  // Without the run that is shown, there is no chart of it.
  return found[0]?.run === data.value?.run ? found : [];
}

/** The rows of the shown run in the tables of another; −1 where it has none such. */
function partnerRows(rows: readonly number[], { model }: RunData): number[] {
  return rows.map((row) => {
    const { kind, path } = data.value?.model.rows[row] ?? { kind: '', path: '' };
    return rowOf(model.rows, kind, path);
  });
}

function Chart(props: {
  row: number;
  answer: Answer | undefined;
  edges: readonly number[];
  size: Size;
  seen: Signal<number>;
}) {
  const { row, answer, edges, size, seen } = props;
  const [ref, visible] = useVisible<HTMLSpanElement>();
  useEffect(() => {
    if (!visible) return undefined;
    seen.value++;
    return () => {
      seen.value--;
    };
  }, [visible]);
  const mode = state.mode.value;
  const axis = state.axis.value;
  const align = state.align.value;
  const runs = gridRuns.value;
  const rows = useMemo(() => answer && runRowsOf(row, answer), [answer, row, runs, align]);
  const chart = useMemo(
    () =>
      visible && rows && rows.length > 0
        ? chartOf(rows, edges, axis, mode === 'percentiles')
        : undefined,
    [visible, rows, edges, axis, mode === 'percentiles'],
  );
  const at = step.value ?? -1;
  const currents = rows ? currentsOf(rows, at, placeNow.value ?? at) : [];
  return (
    <LayerCard row={row} size={size} room={ref}>
      {chart && (
        <HistogramChart
          chart={chart}
          mode={mode}
          currents={currents}
          size={size}
          small
          testId="small-histogram"
          label={`Histograms of ${data.value?.model.rows[row].path ?? ''}`}
        />
      )}
      {rows?.length === 0 && <span class="none">None recorded</span>}
      {chart && currents[0] < 0 && <span class="none">not at step {formatCount(at)}</span>}
    </LayerCard>
  );
}

/** A layer's tensor with a small picture of it; a click opens it. */
export function LayerCard(props: {
  row: number;
  size: Size;
  /** What is watched for being in view. */
  room: Ref<HTMLSpanElement>;
  note?: string;
  /** Whether it is scrolled into view where its layer is the chosen one. */
  follow?: boolean;
  children: ComponentChildren;
}) {
  const { row, size, note, follow = true, children } = props;
  const ref = useRef<HTMLButtonElement>(null);
  const { kind, path, layer_path } = data.value?.model.rows[row] ?? {
    kind: '',
    path: '',
    layer_path: '',
  };
  const on = layer.value?.path === layer_path;
  useEffect(() => {
    if (on && follow) ref.current?.scrollIntoView({ block: 'nearest' });
  }, [on, follow]);
  const name = isWeightKind(kind) ? ownName(path) : path.slice(layer_path.length);
  return (
    <button
      ref={ref}
      type="button"
      class="card"
      data-testid="histogram-card"
      data-path={layer_path}
      aria-pressed={on}
      title={`Open ${path}`}
      onClick={() =>
        batch(() => {
          selectLayer(layer_path);
          state.tensor.value = rowName(row);
          state.scope.value = 'layer';
        })
      }
    >
      <span class="caption">
        <b>
          <bdi>{layer_path}</bdi>
        </b>
        <span>{[name, note].filter(Boolean).join(' · ')}</span>
      </span>
      <span
        ref={props.room}
        class="picture-room"
        style={{ width: `${size.width}px`, height: `${size.height}px` }}
      >
        {children}
      </span>
    </button>
  );
}
