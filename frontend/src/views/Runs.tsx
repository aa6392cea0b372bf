import { useEffect, useRef } from 'preact/hooks';
import { runFilter, showRun } from '../actions';
import { matches } from '../selection';
import { state } from '../state';
import { primaryRun, runs, shownRuns } from '../store';
import { runColor, runTitle } from './colors';

/** The runs: a click shows one; its square adds its loss to the step axis, and its histograms. */
export function Runs() {
  const all = runs.value ?? [];
  const listed = all.filter(({ run }) => matches(run, runFilter.value));
  return (
    <section class="runs" aria-label="Runs">
      <h2>
        Runs <span>{all.length}</span>
      </h2>
      {all.length > 1 && (
        <input
          class="search"
          type="search"
          placeholder="Filter by regex"
          aria-label="Filter runs by regex"
          value={runFilter.value}
          onInput={(event) => {
            runFilter.value = event.currentTarget.value;
          }}
        />
      )}
      <ul class="list">
        {listed.map((entry) => (
          <RunRow
            key={entry.run}
            run={entry.run}
            error={entry.format_error}
            index={all.indexOf(entry)}
          />
        ))}
        {listed.length === 0 && all.length > 0 && <li class="none">No run matches.</li>}
      </ul>
    </section>
  );
}

function RunRow({ run, error, index }: { run: string; error: string; index: number }) {
  const isPrimary = primaryRun.value?.run === run;
  const isShown = shownRuns.value.includes(run);
  const color = runColor(index);
  const ref = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (isPrimary) ref.current?.scrollIntoView({ block: 'nearest' });
  }, [isPrimary]);
  return (
    <li
      ref={ref}
      class={`row run ${isPrimary ? 'on' : ''}`}
      data-testid="run-item"
      data-run={run}
      title={error || run}
    >
      <input
        type="checkbox"
        class="swatch"
        checked={isShown}
        aria-label={`Draw the loss and histograms of ${runTitle(run)}`}
        title={
          isPrimary
            ? 'The run that is shown'
            : 'Draw its loss on the step axis, and its histograms beside'
        }
        disabled={isPrimary || !!error}
        style={{ borderColor: color, background: isShown ? color : 'transparent' }}
        onChange={() => toggle(run)}
      />
      <button
        type="button"
        class="name"
        aria-pressed={isPrimary}
        onClick={() => showRun(run)}
      >
        {runTitle(run)}
      </button>
      {error && <span class="bad">unreadable</span>}
    </li>
  );
}

function toggle(run: string): void {
  const beside = shownRuns.value.slice(1);
  state.beside.value = beside.includes(run)
    ? beside.filter((one) => one !== run)
    : [...beside, run];
}
