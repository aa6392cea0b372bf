import { useEffect } from 'preact/hooks';
import { handleKey, keysShown } from '../actions';
import { state } from '../state';
import { primary, primaryRun, runs, runsError } from '../store';
import { runTitle } from './colors';
import { Details } from './Details';
import { Export } from './Export';
import { FeatureMaps } from './FeatureMaps';
import { Histograms } from './Histograms';
import { Keys } from './Keys';
import { Layers } from './Layers';
import { Empty, Failure, Unreadable, Waiting } from './Messages';
import { Overview } from './Overview';
import { ReadOut } from './ReadOut';
import { RunNotes } from './RunNotes';
import { Runs } from './Runs';
import { StepAxis } from './StepAxis';

const TABS = [
  { view: 'overview', title: 'Overview' },
  { view: 'maps', title: 'Feature maps' },
  { view: 'histograms', title: 'Histograms' },
] as const;

/** The page. */
export function Frame() {
  useEffect(() => {
    window.addEventListener('keydown', handleKey);
    return () => window.removeEventListener('keydown', handleKey);
  }, []);
  return (
    <>
      <Header />
      <Body />
      <Keys />
      <ReadOut />
    </>
  );
}

function Header() {
  return (
    <header>
      <b title="Keract for TensorBoard">Keract</b>
      <nav aria-label="Views">
        {TABS.map(({ view, title }) => (
          <button
            key={view}
            type="button"
            aria-current={state.view.value === view ? 'page' : undefined}
            data-testid={`view-${view}`}
            onClick={() => {
              state.view.value = view;
            }}
          >
            {title}
          </button>
        ))}
      </nav>
      <span class="space" />
      <CompareButton />
      <Export />
      {runsError.value && runs.value && (
        <span class="offline" role="status">
          TensorBoard does not answer
        </span>
      )}
      <button
        type="button"
        class="button"
        aria-label="Keyboard"
        title="Keyboard (?)"
        onClick={() => {
          keysShown.value = true;
        }}
      >
        ?
      </button>
    </header>
  );
}

/** Turns the comparison on and off, in the views that have one. */
function CompareButton() {
  if (state.view.value === 'histograms') return null;
  return (
    <button
      type="button"
      class="button"
      aria-pressed={state.compare.value}
      title="Compare two runs or two steps (C)"
      data-testid="compare"
      onClick={() => {
        state.compare.value = !state.compare.value;
      }}
    >
      A | B Compare
    </button>
  );
}

function Body() {
  const all = runs.value;
  if (!all) {
    return (
      <main class="whole">
        {runsError.value ? <Failure error={runsError.value} /> : <Waiting />}
      </main>
    );
  }
  if (all.length === 0) {
    return (
      <main class="whole">
        <Empty />
      </main>
    );
  }
  return (
    <>
      <StepAxis />
      <div class={`columns ${state.view.value}`}>
        <div class="side">
          <Runs />
          <Layers />
          <RunNotes />
        </div>
        <Centre />
      </div>
    </>
  );
}

function Centre() {
  const known = primary.value;
  if (!known) {
    return (
      <main>
        <Waiting />
      </main>
    );
  }
  if (known instanceof Error) {
    return (
      <main>
        <Unreadable run={runTitle(primaryRun.value?.run ?? '')} error={known} />
      </main>
    );
  }
  return (
    <>
      <main>
        <View />
      </main>
      {state.view.value === 'maps' && <Details />}
    </>
  );
}

const VIEWS_SHOWN = { overview: Overview, maps: FeatureMaps, histograms: Histograms };

function View() {
  const Shown = VIEWS_SHOWN[state.view.value];
  return <Shown />;
}
