import { useEffect } from 'preact/hooks';
import { otherTurn, turn, turning } from '../actions';
import { ALIGNMENT_TITLES } from '../alignment';
import {
  isOwnRun,
  versusChoices,
  versusRun,
  versusStep,
  versusSteps,
} from '../compare_store';
import { formatCount } from '../format';
import { COMPARISONS, HISTOGRAM_COMPARISONS, state } from '../state';
import { data } from '../store';
import { runTitle } from './colors';
import { Segments } from './Controls';

const TITLES: Record<(typeof HISTOGRAM_COMPARISONS)[number], string> = {
  overlay: 'Overlay',
  side: 'A | B | A − B',
  swipe: 'Swipe',
  flicker: 'Flicker',
};

const HINTS: Record<(typeof HISTOGRAM_COMPARISONS)[number], string> = {
  overlay: 'Over each other, their difference below',
  side: 'Next to each other, with their difference',
  swipe: 'A to the left of a line, B to its right: the line follows the pointer',
  flicker: 'A and B in turn in the same place: what moves has changed',
};

/** How A and B are shown, and what B is. */
export function CompareControls() {
  return (
    <div class="bar compare-bar" data-testid="compare-bar">
      {state.view.value === 'maps' && (
        <ComparisonPicker
          value={state.comparison.value}
          choices={COMPARISONS}
          onChoose={(value) => {
            state.comparison.value = value;
          }}
        />
      )}
      {state.view.value === 'histograms' && state.scope.value === 'layer' && (
        <ComparisonPicker
          value={state.histogramComparison.value}
          choices={HISTOGRAM_COMPARISONS}
          onChoose={(value) => {
            state.histogramComparison.value = value;
          }}
        />
      )}
      <span class="versus" title="A is what the page shows, at the scrubber’s step">
        A: {runTitle(data.value?.run ?? '')}
      </span>
      <VersusPicker />
    </div>
  );
}

function ComparisonPicker<T extends (typeof HISTOGRAM_COMPARISONS)[number]>(props: {
  value: T;
  choices: readonly T[];
  onChoose: (value: T) => void;
}) {
  return (
    <>
      <Segments
        label="How A and B are compared"
        value={props.value}
        choices={props.choices.map((value) => ({
          value,
          title: TITLES[value],
          hint: HINTS[value],
          testId: `compare-${value}`,
        }))}
        onChoose={props.onChoose}
      />
      {props.value === 'flicker' && <Turn />}
    </>
  );
}

function VersusPicker() {
  const same = isOwnRun.value
    ? 'its first'
    : `at A’s ${ALIGNMENT_TITLES[state.align.value]}`;
  const at = versusStep.value;
  return (
    <span class="versus">
      B:{' '}
      <select
        class="select"
        data-testid="versus-select"
        aria-label="Run of B"
        value={versusRun.value?.run}
        onChange={(event) => {
          state.versus.value = event.currentTarget.value;
          state.versusStep.value = null;
        }}
      >
        {versusChoices.value.map(({ run }) => (
          <option key={run} value={run}>
            {runTitle(run)}
            {run === data.value?.run ? ' (the same run)' : ''}
          </option>
        ))}
      </select>{' '}
      step{' '}
      <select
        class="select"
        data-testid="versus-step"
        aria-label="Step of B"
        value={state.versusStep.value ?? ''}
        onChange={(event) => {
          const { value } = event.currentTarget;
          state.versusStep.value = value === '' ? null : Number(value);
        }}
      >
        <option value="">
          {same}
          {at === undefined ? '' : ` (${formatCount(at)})`}
        </option>
        {versusSteps.value.map((one) => (
          <option key={one} value={one}>
            {formatCount(one)}
          </option>
        ))}
      </select>
    </span>
  );
}

// Slow enough to see each, fast enough that the eye joins them.
const TURN_MS = 500;

function Turn() {
  useEffect(() => {
    turning.value = !window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    const timer = setInterval(() => {
      if (turning.value) otherTurn();
    }, TURN_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <span class="turn">
      <button
        type="button"
        class="button"
        data-testid="turn"
        title="Stop, and change by hand (X)"
        onClick={() => {
          turning.value = false;
          otherTurn();
        }}
      >
        {turn.value.toUpperCase()}
      </button>
      <label>
        <input
          type="checkbox"
          checked={turning.value}
          onChange={(event) => {
            turning.value = event.currentTarget.checked;
          }}
        />{' '}
        in turn
      </label>
    </span>
  );
}
