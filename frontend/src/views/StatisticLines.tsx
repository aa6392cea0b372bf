import { removeLine } from '../actions';
import { STATISTIC_TITLES } from '../overview';
import {
  dashOf,
  lineLayers,
  scale,
  type StatisticLine,
  statistic,
  statisticLines,
  tensorKind,
} from '../overview_store';
import { KIND_TITLES } from '../selection';
import { state } from '../state';
import { data } from '../store';
import { colorOfRun, runTitle } from './colors';
import { useSize } from './hooks';
import { later } from './later';

const StatisticChart = later(async () => (await import('./StatisticChart')).StatisticChart);

/** The statistic of the chosen layers over the steps, for all shown runs. */
export function StatisticLines() {
  const [ref, { width, height }] = useSize<HTMLDivElement>();
  const lines = statisticLines.value;
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
        {width > 0 && lines.length > 0 && (
          <StatisticChart
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
