import { type Colormap, colormap, defaultColormap, SPECIAL_COLORS } from '../colormaps';
import { formatValue } from '../format';
import type { Domain } from '../heatmap';
import { type Scale, STATISTIC_TITLES } from '../overview';
import {
  difference,
  matrixDomain,
  paintedScale,
  scale,
  shownMatrices,
  statistic,
  statistics,
  tensorKind,
  tensorKinds,
} from '../overview_store';
import { shownData } from '../shown_runs';
import { KIND_TITLES } from '../selection';
import { MATRICES, state } from '../state';
import { shownRuns } from '../store';
import { dark } from '../theme';
import { Alerts } from './Alerts';
import { runTitle } from './colors';
import { CompareControls } from './CompareControls';
import { ColormapPicker, Segments } from './Controls';
import { LayerSteps } from './LayerSteps';
import { Note } from './Messages';
import { ScaleBar } from './ScaleBar';
import { StatisticLines } from './StatisticLines';
import { StatisticTable } from './StatisticTable';

const MATRIX_TITLES: Record<(typeof MATRICES)[number], string> = {
  runs: 'run by run',
  layers: 'layer by layer',
};

/** All layers over all steps: where to look closer. */
export function Overview() {
  if (shownData.value.length === 0) {
    return <Note>No statistics are recorded in the chosen runs.</Note>;
  }
  const signed = paintedScale.value === 'signed';
  const entry = signed ? state.signed : state.colormap;
  const map = colormap(entry.value ?? defaultColormap(signed, dark.value));
  const domain = matrixDomain.value;
  return (
    <div class="view overview">
      <h1 class="unseen">Overview</h1>
      {state.compare.value && <CompareControls />}
      <div class="bar">
        <StatisticPicker />
        <Segments
          label="Of which tensors"
          value={tensorKind.value}
          choices={tensorKinds.value.map((value) => ({
            value,
            title: KIND_TITLES[value],
            testId: `tensors-${value}`,
          }))}
          onChoose={(value) => {
            state.tensors.value = value;
          }}
        />
        {shownRuns.value.length > 1 && !state.compare.value && (
          <Segments
            label="Several runs"
            value={state.matrix.value}
            choices={MATRICES.map((value) => ({
              value,
              title: MATRIX_TITLES[value],
              testId: `matrix-${value}`,
            }))}
            onChoose={(value) => {
              state.matrix.value = value;
            }}
          />
        )}
        <span class="space" />
        <ColormapPicker entry={entry} shown={map.name} />
        {domain && <Legend domain={domain} map={map} scale={scale.value} />}
      </div>
      <Alerts />
      {domain ? (
        <LayerSteps domain={domain} map={map} />
      ) : (
        <Note>
          {STATISTIC_TITLES[statistic.value] ?? statistic.value} is not known of{' '}
          {KIND_TITLES[tensorKind.value ?? 'activation']} in these runs.
        </Note>
      )}
      {statistic.value === 'update_ratio' && (
        <Note>
          How far weights moved a step, by their L2 norm. Of weights with more than 65,536
          values an even part is compared.
        </Note>
      )}
      <Unmatched />
      <StatisticLines />
      <StatisticTable />
    </div>
  );
}

function StatisticPicker() {
  return (
    <select
      class="select"
      data-testid="statistic-select"
      aria-label="Statistic"
      value={statistic.value}
      onChange={(event) => {
        state.statistic.value = event.currentTarget.value;
      }}
    >
      {statistics.value.map((name) => (
        <option key={name} value={name}>
          {STATISTIC_TITLES[name] ?? name}
        </option>
      ))}
    </select>
  );
}

function Legend({ domain, map, scale }: { domain: Domain; map: Colormap; scale: Scale }) {
  const broken = shownMatrices.value.some(({ cells }) => cells.broken.includes(1));
  const differs = difference.value !== undefined;
  const end = (value: number) => {
    if (scale !== 'log') return formatValue(value, 3);
    if (!differs) return formatValue(10 ** value, 2);
    return `${value < 0 ? '÷' : '×'} ${formatValue(10 ** Math.abs(value), 2)}`;
  };
  return (
    <div
      class="legend"
      data-testid="overview-legend"
      data-low={domain.low}
      data-high={domain.high}
      data-scale={scale}
    >
      <span class="end">{end(domain.low)}</span>
      <ScaleBar domain={domain} map={map} />
      <span class="end">{end(domain.high)}</span>
      {scale === 'log' && !differs && <small>log</small>}
      {differs && <small>{scale === 'log' ? 'A ÷ B' : 'A − B'}</small>}
      {broken && (
        <span class="swatch" title="The tensor holds NaN or ±Inf at this step">
          <i style={{ background: SPECIAL_COLORS.nan }} /> NaN or ±Inf
        </span>
      )}
    </div>
  );
}

/** What only one of two compared runs has. */
function Unmatched() {
  const found = difference.value;
  if (!found) return null;
  const sides = [
    { run: found.run.run, only: found.onlyHere },
    { run: found.other.run.run, only: found.onlyThere },
  ];
  return (
    <>
      {sides.map(
        ({ run, only }) =>
          only.length > 0 && (
            <Note key={run}>
              <span data-testid="unmatched">
                Only {runTitle(run)} has {only.join(', ')}.
              </span>
            </Note>
          ),
      )}
    </>
  );
}
