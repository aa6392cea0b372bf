import { batch, computed, type Signal, useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { selectLayer } from '../actions';
import { getHistograms, type Histograms } from '../api';
import { formatCount } from '../format';
import { rowsApart } from '../histogram';
import { chartOf } from '../histogram_chart';
import { gridRows, rowsQuestion, runRow } from '../histogram_runs';
import { resource } from '../resource';
import { isWeightKind, ownName } from '../selection';
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
  const [ref, { width }] = useSize<HTMLDivElement>();
  const known = data.value;
  const rows = gridRows.value;
  if (!known) return null;
  if (known.series.histograms === null) return <Note>This run holds no histograms.</Note>;
  const scale = width > LARGE_ROOM ? 1.6 : 1;
  const columns = Math.max(1, Math.floor((width + GAP) / (scale * LEAST_WIDTH + GAP)));
  const size = {
    width: Math.floor((width + GAP) / columns) - GAP - 2,
    height: scale * HEIGHT,
  };
  const groups = Array.from({ length: Math.ceil(rows.length / ROWS_ASKED) }, (_, i) =>
    rows.slice(i * ROWS_ASKED, (i + 1) * ROWS_ASKED),
  );
  return (
    <div class="maps-room" data-testid="histogram-grid">
      <div
        ref={ref}
        class="chart-grid"
        style={{ gridTemplateColumns: `repeat(${columns}, 1fr)`, gap: `${GAP}px` }}
      >
        {width > 0 &&
          groups.map((group) => (
            <Group
              key={`${known.run} ${group.join()}`}
              rows={group}
              edges={edges}
              size={size}
            />
          ))}
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
    const question = computed(() =>
      data.value && inView.value ? rowsQuestion(data.value, rows) : undefined,
    );
    return resource(question, {
      key: (one) => JSON.stringify(one),
      load: async ({ run, rows }, signal) =>
        rowsApart(await getHistograms(run, rows, signal)),
      keep: () => true,
    });
  }, []);
  useEffect(() => answers.dispose, [answers]);
  const { answer, error } = answers.value;
  const known = data.value;
  if (!known) return null;
  return (
    <>
      {error && <Failure error={error} />}
      {rows.map((row, i) => (
        <Card
          key={row}
          {...props}
          known={known}
          row={row}
          histograms={answer?.[i]}
          seen={seen}
        />
      ))}
    </>
  );
}

/** The chart of one layer; a click opens it. */
function Card(props: {
  known: RunData;
  row: number;
  histograms: Histograms | undefined;
  edges: readonly number[];
  size: Size;
  seen: Signal<number>;
}) {
  const { known, row, histograms, edges, size, seen } = props;
  const [ref, visible] = useVisible<HTMLButtonElement>();
  useEffect(() => {
    if (!visible) return undefined;
    seen.value++;
    return () => {
      seen.value--;
    };
  }, [visible]);
  const { kind, path, layer_path } = known.model.rows[row];
  const on = layer.value?.path === layer_path;
  useEffect(() => {
    if (on) ref.current?.scrollIntoView({ block: 'nearest' });
  }, [on]);
  const mode = state.mode.value;
  const axis = state.axis.value;
  const align = state.align.value;
  const chart = useMemo(
    () =>
      visible && histograms && histograms.steps.length > 0
        ? chartOf([runRow(known, row, histograms)], edges, axis, mode === 'percentiles')
        : undefined,
    [visible, known, row, histograms, edges, axis, mode === 'percentiles', align],
  );
  const at = step.value ?? -1;
  const current = histograms?.steps.indexOf(at) ?? -1;
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
        <span>{name}</span>
      </span>
      <span
        class="picture-room"
        style={{ width: `${size.width}px`, height: `${size.height}px` }}
      >
        {chart && (
          <HistogramChart
            chart={chart}
            mode={mode}
            currents={[current]}
            size={size}
            small
            testId="small-histogram"
            label={`Histograms of ${path}`}
          />
        )}
        {histograms?.steps.length === 0 && <span class="none">None recorded</span>}
        {chart && current < 0 && <span class="none">not at step {formatCount(at)}</span>}
      </span>
    </button>
  );
}
