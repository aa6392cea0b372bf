import { data, histogramRow } from '../store';
import { formatOrdinal, formatShare, formatValue, plural } from '../format';
import { specialCount } from '../histogram';
import type { Chart } from '../histogram_chart';
import type { Partner } from '../histogram_runs';
import { runTitle } from './colors';
import { ridgeSteps } from './histogram_ridges';
import type { Mode } from './HistogramChart';

/** The greatest height, of a share or of a density. */
export function peakText({ scale, peak }: Chart): string {
  return scale.axis === 'linear' ? `${formatValue(peak, 3)} per unit` : formatShare(peak);
}

/** What the picture means, in words. */
export function explanation(chart: Chart, mode: Mode, currents: readonly number[]): string {
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

/** Why a run has no histograms of the shown tensor. */
export function absenceText({ run, known, row }: Partner): string {
  const title = runTitle(run);
  const entry = data.value?.model.rows[histogramRow.value ?? -1];
  const what = entry
    ? `${entry.kind.replaceAll('_', ' ')} of ${entry.path}`
    : 'such tensor';
  if (!known) return `${title} could not be read.`;
  if (row < 0) return `${title} has no ${what}.`;
  return `${title} has no histograms of the ${what}.`;
}
