import { useEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { goToPlace } from '../actions';
import { ALIGNMENT_TITLES, formatPlace } from '../alignment';
import { formatValue } from '../format';
import { dashOf, type StatisticLine } from '../overview_store';
import { placeNow } from '../shown_runs';
import { state } from '../state';
import { dark } from '../theme';
import { colorOfRun, runTitle } from './colors';
import type { Size } from './hooks';

/** The lines in a chart of their own; a click goes to the step under it. */
export function StatisticChart(props: {
  lines: readonly StatisticLine[];
  width: number;
  height: number;
  log: boolean;
}) {
  const { lines, width, height, log } = props;
  const ref = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const isDark = dark.value;
  const table = useMemo(() => {
    // A value that is missing at a run's own record is a gap; between records is none.
    return uPlot.join(
      lines.map(({ places, values }) => [
        places,
        values.map((value) => (log && !(value > 0) ? null : finite(value))),
      ]) as uPlot.AlignedData[],
    );
  }, [lines, log]);
  useEffect(() => {
    if (!ref.current) return;
    const made = new uPlot(optionsOf(lines, { width, height }, log), table, ref.current);
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
