import { formatCount, formatValue } from '../format';
import { STATISTIC_TITLES } from '../overview';
import { numbersNow, statistic } from '../overview_store';
import { state } from '../state';
import { selectLayer } from '../actions';
import { layer, step } from '../store';
import { runTitle } from './colors';

/** The numbers behind the matrices, at the scrubber's step. */
export function StatisticTable() {
  const shown = state.numbers.value;
  return (
    <section class="statistic-table" aria-label="Numbers">
      <button
        type="button"
        class="button"
        aria-expanded={shown}
        data-testid="numbers-button"
        onClick={() => {
          state.numbers.value = !shown;
        }}
      >
        {shown ? 'Hide the table' : 'Show as a table'}
      </button>
      {shown && <Numbers />}
    </section>
  );
}

function Numbers() {
  const { columns, rows } = numbersNow.value;
  const current = layer.value?.path;
  return (
    <table data-testid="numbers">
      <caption>
        {STATISTIC_TITLES[statistic.value] ?? statistic.value} at step{' '}
        {formatCount(step.value ?? 0)}
      </caption>
      <thead>
        <tr>
          <th scope="col">Tensor</th>
          {columns.map(({ run, step: at }) => (
            <th key={run} scope="col">
              {runTitle(run)}
              {at !== step.value && (
                <small> {at === undefined ? 'no record' : `step ${formatCount(at)}`}</small>
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ label, layer: path, values }) => (
          <tr key={label} class={path === current ? 'on' : ''}>
            <th scope="row">
              <button type="button" onClick={() => selectLayer(path)}>
                {label}
              </button>
            </th>
            {values.map((value, i) => (
              <td key={columns[i].run}>{value === undefined ? '–' : formatValue(value)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
