import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type uPlot from 'uplot';
import { goToPlace, removeLine } from '../actions';
import { ALIGNMENT_TITLES, formatPlace } from '../alignment';
import { formatValue } from '../format';
import { STATISTIC_TITLES } from '../overview';
import {
  lineLayers,
  scale,
  type StatisticLine,
  statistic,
  statisticLines,
  tensorKind,
} from '../overview_store';
import { placeNow } from '../shown_runs';
import { KIND_TITLES } from '../selection';
import { state } from '../state';
import { data } from '../store';
import { dark } from '../theme';
import { colorOfRun, runTitle } from './colors';
import { type Size, useSize } from './hooks';

type Plotter = typeof uPlot;

/** Fetched with the first chart: the page shows its first picture without it. */
const plotter = signal<Plotter | undefined>(undefined);

// Runs have colours; layers of one run differ by their dashes.
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [12, 4], [1, 2]];

/** The statistic of the chosen layers over the steps, for all shown runs. */
export function StatisticLines() {
  const [ref, { width, height }] = useSize<HTMLDivElement>();
  const lines = statisticLines.value;
  useEffect(() => {
    if (plotter.value) return;
    void import('uplot').then(({ default: loaded }) => {
      plotter.value = loaded;
    });
  }, []);
  const log = scale.value === 'log';
  return (
    <section class="statistic-lines" aria-label="Lines">
      <h3>
        {STATISTIC_TITLES[statistic.value] ?? statistic.value} of{' '}
        {KIND_TITLES[tensorKind.value ?? 'activation']}
        <small>{log ? 'log · ' : ''}drag to zoom, double-click to see all</small>
        <span class="space" />
        <AddLine />
      </h3>
      <Names lines={lines} />
      <div ref={ref} class="lines-chart" data-testid="lines-chart">
        {width > 0 && lines.length > 0 && plotter.value && (
          <Chart
            plotter={plotter.value}
            lines={lines}
            width={Math.floor(width)}
            height={Math.floor(height)}
            log={log}
          />
        )}
        {lines.length === 0 && (
          <p class="hint">
            None of the runs has this statistic of {lineLayers.value.join(', ')}.
          </p>
        )}
      </div>
    </section>
  );
}

/** Which line is which; a click takes a layer away. */
function Names({ lines }: { lines: readonly StatisticLine[] }) {
  return (
    <ul class="line-names">
      {lines.map((line) => (
        <li key={`${line.run} ${line.label}`} data-testid="line">
          <svg width="22" height="8" aria-hidden="true">
            <line
              x1="0"
              x2="22"
              y1="4"
              y2="4"
              stroke={colorOfRun(line.run)}
              stroke-width="2"
              stroke-dasharray={dashOf(line).join(' ')}
            />
          </svg>
          {line.label} <small>{runTitle(line.run)}</small>
          {(state.lines.value?.length ?? 0) > 0 && (
            <button
              type="button"
              class="close"
              aria-label={`Take ${line.layer} away`}
              onClick={() => removeLine(line.layer)}
            >
              ×
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Adds a layer's line; the first one keeps that of the chosen layer. */
function AddLine() {
  const all = data.value?.model.layers ?? [];
  const drawn = lineLayers.value;
  return (
    <select
      class="select"
      aria-label="Add the line of a layer"
      data-testid="add-line"
      value=""
      onChange={(event) => {
        const path = event.currentTarget.value;
        event.currentTarget.value = '';
        if (path) state.lines.value = [...drawn, path];
      }}
    >
      <option value="">Add a layer …</option>
      {all
        .filter(({ path }) => !drawn.includes(path))
        .map(({ path }) => (
          <option key={path} value={path}>
            {path}
          </option>
        ))}
    </select>
  );
}

function dashOf({ order }: StatisticLine): number[] {
  return DASHES[order % DASHES.length];
}

function Chart(props: {
  plotter: Plotter;
  lines: readonly StatisticLine[];
  width: number;
  height: number;
  log: boolean;
}) {
  const { plotter, lines, width, height, log } = props;
  const ref = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isDark = dark.value;
  const table = useMemo(() => {
    // A value that is missing at a run's own record is a gap; between records is none.
    return plotter.join(
      lines.map(({ places, values }) => [
        places,
        values.map((value) => (log && !(value > 0) ? null : finite(value))),
      ]) as uPlot.AlignedData[],
    );
  }, [plotter, lines, log]);
  useEffect(() => {
    if (!ref.current) return;
    const made = new plotter(optionsOf(lines, { width, height }, log), table, ref.current);
    plot.current = made;
    // So that a test knows which lines it sees.
    ref.current.dataset.lines = String(lines.length);
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [lines, table, log, isDark]);
  useEffect(() => {
    plot.current?.setSize({ width, height });
  }, [width, height]);
  const now = placeNow.value;
  useEffect(() => {
    plot.current?.redraw(false);
  }, [now]);
  return <div ref={ref} />;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function optionsOf(
  lines: readonly StatisticLine[],
  { width, height }: Size,
  log: boolean,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const [ink, grid, accent] = [color('--soft'), color('--line'), color('--accent')];
  const resolved = (run: string) => color(colorOfRun(run).slice(4, -1));
  const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { show: false } };
  const alignment = state.align.value;
  return {
    width,
    height,
    padding: [10, 14, 0, 0],
    scales: { x: { time: false }, y: log ? { distr: 3 } : {} },
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false } },
    axes: [
      {
        ...axis,
        values: (_, ticks) => ticks.map((tick) => formatPlace(tick, alignment)),
      },
      {
        ...axis,
        size: 64,
        values: (_, ticks) =>
          ticks.map((tick) => (tick === null ? '' : formatValue(tick, 2))),
      },
    ],
    series: [
      { label: ALIGNMENT_TITLES[alignment] },
      ...lines.map((line): uPlot.Series => ({
        label: `${line.label} ${runTitle(line.run)}`,
        stroke: resolved(line.run),
        width: 1.6,
        dash: dashOf(line),
        points: { show: line.places.length < 40, size: 4 },
      })),
    ],
    hooks: {
      draw: [
        ({ ctx, valToPos, bbox }) => {
          const now = placeNow.value;
          if (now === undefined) return;
          const x = valToPos(now, 'x', true);
          if (x < bbox.left || x > bbox.left + bbox.width) return;
          ctx.save();
          ctx.strokeStyle = accent;
          ctx.lineWidth = 2;
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          ctx.restore();
        },
      ],
      ready: [
        (plot) => {
          // A click, as opposed to a drag, goes to the step under it.
          let from = 0;
          plot.over.addEventListener('mousedown', ({ clientX }) => {
            from = clientX;
          });
          plot.over.addEventListener('click', ({ clientX }) => {
            const { left } = plot.over.getBoundingClientRect();
            if (Math.abs(clientX - from) < 3) {
              goToPlace(plot.posToVal(clientX - left, 'x'));
            }
          });
        },
      ],
    },
  };
}
