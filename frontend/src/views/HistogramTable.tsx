import { formatCount, formatShare, formatValue } from '../format';
import { nonEmptyBins } from '../histogram';
import type { RunRow } from '../histogram_chart';
import { formatPoints } from '../histogram_pair';
import {
  BIN_NAN,
  BIN_NEGATIVE_INF,
  BIN_POSITIVE_INF,
  BIN_ZERO,
  HISTOGRAM_BINS,
} from '../wire_format';
import { runTitle } from './colors';

const NAMES = new Map([
  [BIN_NEGATIVE_INF, '−Inf'],
  [BIN_ZERO, 'exactly 0'],
  [BIN_POSITIVE_INF, '+Inf'],
  [BIN_NAN, 'NaN'],
]);

/** The numbers behind the picture: the bins at the marked steps that count anything. */
export function HistogramTable(props: {
  rows: readonly RunRow[];
  currents: readonly number[];
  edges: readonly number[];
  /** Whether the rows are A and B, whose difference has a column of its own. */
  compared?: boolean;
}) {
  const { currents, edges, compared = false } = props;
  const shown = props.rows.flatMap(({ run, histograms: { counts, steps } }, i) => {
    const at = currents[i];
    if (at < 0) return [];
    const own = counts.subarray(at * HISTOGRAM_BINS, (at + 1) * HISTOGRAM_BINS);
    return [{ run, step: steps[at], counts: own, all: own.reduce((a, b) => a + b, 0) }];
  });
  const several = props.rows.length > 1;
  const bins = [...new Set(shown.flatMap(({ counts }) => nonEmptyBins(counts, 0)))];
  return (
    // Scrolled by key, too.
    <div class="table-room" tabIndex={0} role="region" aria-label="Numbers at this step">
      <table data-testid="histogram-table">
        <caption>
          {shown.length > 0
            ? 'Bins that count any value'
            : 'No histogram of this tensor at this step.'}
        </caption>
        {shown.length > 0 && (
          <thead>
            <tr>
              <td colSpan={2} />
              {shown.map(({ run, step }, i) => (
                <th key={i} scope="colgroup" colSpan={2}>
                  {compared && `${'AB'[i]}: `}
                  {several && `${runTitle(run)}, `}step {formatCount(step)}
                </th>
              ))}
              {compared && <th scope="colgroup">A − B</th>}
            </tr>
            <tr>
              <th scope="col">from</th>
              <th scope="col">to</th>
              {shown.map((_, i) => [
                <th key={`${i} count`} scope="col">
                  count
                </th>,
                <th key={`${i} share`} scope="col">
                  share
                </th>,
              ])}
              {compared && <th scope="col">share</th>}
            </tr>
          </thead>
        )}
        <tbody>
          {bins
            .sort((a, b) => a - b)
            .map((bin) => (
              <tr key={bin}>
                {NAMES.has(bin) ? (
                  <th scope="row" colSpan={2}>
                    {NAMES.get(bin)}
                  </th>
                ) : (
                  <>
                    <td>{formatValue(edges[bin - 1] + 0)}</td>
                    <td>{formatValue(edges[bin] + 0)}</td>
                  </>
                )}
                {shown.map(({ counts, all }, i) => [
                  <td key={`${i} count`}>{formatCount(counts[bin])}</td>,
                  <td key={`${i} share`}>{formatShare(counts[bin] / all)}</td>,
                ])}
                {compared && (
                  <td>
                    {formatPoints(
                      shown[0].counts[bin] / shown[0].all -
                        shown[1].counts[bin] / shown[1].all,
                    )}
                  </td>
                )}
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}
