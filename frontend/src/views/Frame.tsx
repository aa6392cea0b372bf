import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { handleKey, keysShown } from '../actions';
import { state } from '../state';
import { DETAILS_LEAST, mostWidth, panelWidths, SIDE_LEAST } from '../panels';
import { primary, primaryRun, runs, runsError } from '../store';
import { runTitle } from './colors';
import { Details } from './Details';
import { Divider } from './Divider';
import { Export } from './Export';
import { FeatureMaps } from './FeatureMaps';
import { useModal, useSize } from './hooks';
import { later } from './later';
import { Layers } from './Layers';
import { Empty, Failure, Unreadable, Waiting } from './Messages';
import { ReadOut } from './ReadOut';
import { RunNotes } from './RunNotes';
import { Runs } from './Runs';
import { StepAxis } from './StepAxis';

const TABS = [
  { view: 'overview', title: 'Overview' },
  { view: 'maps', title: 'Feature maps' },
  { view: 'heatmaps', title: 'Heatmaps' },
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

const KeySheet = later(async () => (await import('./KeySheet')).KeySheet);

/** The dialog with the sheet of keys. */
function Keys() {
  const ref = useModal(keysShown.value);
  return (
    <dialog
      ref={ref}
      class="keys"
      aria-label="Keyboard"
      onClose={() => {
        keysShown.value = false;
      }}
      // A click beside the sheet closes it.
      onClick={(event) => {
        if (event.target === ref.current) keysShown.value = false;
      }}
    >
      {keysShown.value && <KeySheet />}
    </dialog>
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

/** Turns the comparison on and off. */
function CompareButton() {
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
  return <Columns />;
}

/** The step axis, and below it the panels around the view, each as wide as it may be. */
function Columns() {
  const [ref, room] = useSize<HTMLDivElement>();
  const page = room.width || window.innerWidth;
  const hasDetails =
    !(primary.value instanceof Error) &&
    (state.view.value === 'maps' ||
      (state.view.value === 'heatmaps' && state.heat.value !== ''));
  const wanted = { side: state.sideWidth.value, details: state.detailsWidth.value };
  const { side, details } = panelWidths(wanted, page);
  return (
    <div
      ref={ref}
      class="body"
      style={{ '--side': `${side}px`, '--details': `${details}px` }}
    >
      <StepAxis />
      <div class={`columns ${hasDetails ? 'with-details' : ''}`}>
        <Side />
        <Centre>
          <Divider
            label="Width of runs and layers"
            testId="divider-side"
            orientation="vertical"
            before
            value={side}
            least={SIDE_LEAST}
            most={mostWidth(page, hasDetails ? details : 0, SIDE_LEAST)}
            onSize={(size) => {
              state.sideWidth.value = size;
            }}
          />
          {hasDetails && (
            <Divider
              label="Width of the details"
              testId="divider-details"
              orientation="vertical"
              before={false}
              value={details}
              least={DETAILS_LEAST}
              most={mostWidth(page, side, DETAILS_LEAST)}
              onSize={(size) => {
                state.detailsWidth.value = size;
              }}
            />
          )}
        </Centre>
        {hasDetails && (state.view.value === 'maps' ? <Details /> : <HeatDetails />)}
      </div>
    </div>
  );
}

// The least height of the list of runs, and its largest share of the side.
const RUNS_LEAST = 72;
const RUNS_SHARE = 0.6;

function Side() {
  const [ref, room] = useSize<HTMLElement>();
  const [runsRef, { height }] = useSize<HTMLDivElement>();
  const wanted = state.runsHeight.value;
  const most = Math.max(RUNS_LEAST, RUNS_SHARE * room.height);
  return (
    <aside ref={ref} class="side" aria-label="Runs and layers">
      <div
        ref={runsRef}
        class="runs-room"
        style={
          wanted === null
            ? {}
            : { height: `${Math.min(wanted, most)}px`, maxHeight: 'none' }
        }
      >
        <Runs />
      </div>
      <Divider
        label="Height of the runs"
        testId="divider-runs"
        orientation="horizontal"
        before
        value={height}
        least={RUNS_LEAST}
        most={most}
        onSize={(size) => {
          state.runsHeight.value = size;
        }}
      />
      <Layers />
      <RunNotes />
    </aside>
  );
}

/** The view, between the dividers at its sides. */
function Centre({ children }: { children: ComponentChildren }) {
  const known = primary.value;
  const view = state.view.value;
  const ref = useRef<HTMLElement>(null);
  const before = useRef(view);
  useEffect(() => {
    // What led here may have gone with its view; who came by key is not sent back to the
    // beginning of the page.
    const moved = before.current !== view;
    before.current = view;
    if (moved && document.activeElement === document.body) {
      ref.current?.focus({ preventScroll: true });
    }
  }, [view]);
  return (
    <main ref={ref} tabIndex={-1}>
      {children}
      {!known ? (
        <Waiting />
      ) : known instanceof Error ? (
        <Unreadable run={runTitle(primaryRun.value?.run ?? '')} error={known} />
      ) : (
        <View />
      )}
    </main>
  );
}

const VIEWS_SHOWN = {
  overview: later(async () => (await import('./Overview')).Overview),
  maps: FeatureMaps,
  heatmaps: later(async () => (await import('./Heatmaps')).Heatmaps),
  histograms: later(async () => (await import('./Histograms')).Histograms),
};
const HeatDetails = later(
  async () => (await import('./Heatmaps')).HeatDetails,
  HeatDetailsPlace,
);

/** Holds the place of the details. */
function HeatDetailsPlace() {
  return <aside class="details" aria-label="Details" />;
}

/** Fetches the view that the address names, while its data are still on the way. */
export function fetchView(): void {
  const view = VIEWS_SHOWN[state.view.peek()];
  if ('fetch' in view) void view.fetch();
}

function View() {
  const Shown = VIEWS_SHOWN[state.view.value];
  return <Shown />;
}
