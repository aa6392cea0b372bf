import { useRef } from 'preact/hooks';
import { goToIndex, goToPlace, moveStep, openLayer, playing, togglePlay } from '../actions';
import { extent, linePath } from '../axis';
import { formatCount, formatValue, plural } from '../format';
import type { Kind } from '../selection';
import { alerts } from '../alert_store';
import { placeNow, runPlaces, shownData, type ShownRun, stepPlaces } from '../shown_runs';
import {
  type Alignment,
  ALIGNMENT_TITLES,
  ALIGNMENTS,
  formatPlace,
  placeOf,
  placeTicks,
} from '../alignment';
import { state } from '../state';
import {
  lossOverSteps,
  lostText,
  recordOverSteps,
  SKIPPED_TEXT,
  skippedSteps,
} from '../statistics';
import {
  data,
  lost,
  newestIndex,
  runs,
  shownSteps,
  statisticsIndex,
  step,
  stepIndex,
  steps,
} from '../store';
import { isSkipped } from './Absent';
import { runColor, runTitle } from './colors';
import { HEALTH_SHAPES } from './HealthMark';
import { useSize } from './hooks';

const MARGIN = 24;
const BASELINE = 62;
const TOP = 10;

/** The step, its numbers, and the one scrubber for everything on the page. */
export function StepAxis() {
  return (
    <section class="axis" aria-label="Steps">
      <Now />
      <Scrubber />
    </section>
  );
}

function Now() {
  const at = step.value;
  return (
    <div class="now">
      <div class="step">
        <button
          type="button"
          class="play"
          data-testid="play"
          aria-label={playing.value ? 'Pause' : 'Play'}
          title={playing.value ? 'Pause (Space)' : 'Play (Space)'}
          disabled={steps.value.length < 2}
          onClick={togglePlay}
        >
          <svg viewBox="0 0 12 12" aria-hidden="true">
            <path d={playing.value ? 'M2 1h3v10H2zM7 1h3v10H7z' : 'M2 .8 11 6 2 11.2z'} />
          </svg>
        </button>
        <span data-testid="step">
          {at === undefined ? 'No step yet' : `Step ${formatCount(at)}`}
        </span>
        {state.step.value === null && steps.value.length > 0 && (
          <span
            class="live"
            title="The newest step with maps; newer ones will be shown as they come."
          >
            {newestIndex.value === steps.value.length - 1 ? 'newest' : 'newest maps'}
          </span>
        )}
      </div>
      <div class="about">{aboutStep()}</div>
      <div class="last">
        <Records />
        <span class="space" />
        <AlignmentPicker />
      </div>
      {isSkipped() && (
        <div class="records cut" title={SKIPPED_TEXT}>
          ⨯ update skipped
        </div>
      )}
    </div>
  );
}

function aboutStep(): string {
  const known = data.value;
  const i = statisticsIndex.value;
  if (!known?.statistics || i < 0) return '';
  const { model, statistics } = known;
  const parts: string[] = [];
  const epoch = statistics.epochs[i] ?? -1;
  if (epoch >= 0) {
    parts.push(
      `epoch ${formatCount(epoch)}${model.epochs ? ` of ${formatCount(model.epochs)}` : ''}`,
    );
  }
  const probeLoss = recordOverSteps(model, statistics, 'probe_loss')[i];
  const loss = recordOverSteps(model, statistics, 'training_loss')[i];
  if (Number.isFinite(probeLoss)) parts.push(`probe loss ${formatValue(probeLoss, 3)}`);
  else if (Number.isFinite(loss)) parts.push(`loss ${formatValue(loss, 3)}`);
  const rate = recordOverSteps(model, statistics, 'learning_rate')[i];
  if (Number.isFinite(rate) && parts.length < 2) parts.push(`rate ${formatValue(rate, 3)}`);
  return parts.join(' · ');
}

/** What lines runs up: of use where there are several, or records are uneven. */
function AlignmentPicker() {
  return (
    <select
      class="align"
      aria-label="Align runs by"
      data-testid="align-select"
      value={state.align.value}
      onChange={(event) => {
        state.align.value = event.currentTarget.value as Alignment;
      }}
    >
      {ALIGNMENTS.map((value) => (
        <option key={value} value={value}>
          by {ALIGNMENT_TITLES[value]}
        </option>
      ))}
    </select>
  );
}

const SHOWN_WORDS = { overview: 'statistics', maps: 'maps', histograms: 'histograms' };

function Records() {
  const kept = steps.value.length;
  const written = data.value?.series.records_written ?? null;
  if (written !== null && written > kept) {
    const flag = '--samples_per_plugin=keract=0,keract_statistics=0,keract_histograms=0';
    return (
      <div
        class="records cut"
        title={`TensorBoard keeps a part of the recorded steps in memory. Start it with ${flag} to keep all.`}
      >
        {formatCount(kept)} of {formatCount(written)} steps kept · --samples_per_plugin
      </div>
    );
  }
  const parts = kept > 0 ? [plural(kept, 'record')] : [];
  const shown = shownSteps.value.length;
  if (shown < kept) {
    parts.push(`${formatCount(shown)} with ${SHOWN_WORDS[state.view.value]}`);
  }
  return (
    <div class="records">
      {parts.join(' · ')}
      {lost.value > 0 && (
        <span class="cut" title={lostText(lost.value)}>
          {' '}
          · {formatCount(lost.value)} lost
        </span>
      )}
    </div>
  );
}

function Scrubber() {
  const [ref, { width, height }] = useSize<SVGSVGElement>();
  const dragging = useRef(false);
  const all = steps.value;
  const places = stepPlaces.value;
  const curves = lossCurves();
  const span = extent([
    ...places,
    ...curves.flatMap(({ places }) => [places[0], places.at(-1) ?? 0]),
  ]);
  const [low, high] = span ?? [0, 1];
  const room = Math.max(1, width - 2 * MARGIN);
  const x = (at: number) =>
    high > low ? MARGIN + ((at - low) / (high - low)) * room : MARGIN + room / 2;
  const at = step.value;
  const now = placeNow.value;

  const scrub = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    goToPlace(low + ((event.clientX - box.left - MARGIN) / room) * (high - low));
  };
  const keys: Record<string, () => void> = {
    ArrowLeft: () => moveStep(-1),
    ArrowDown: () => moveStep(-1),
    ArrowRight: () => moveStep(1),
    ArrowUp: () => moveStep(1),
    PageDown: () => moveStep(-10),
    PageUp: () => moveStep(10),
    Home: () => goToIndex(0),
    End: () => goToIndex(all.length - 1),
  };

  return (
    <div
      class="scrubber"
      data-testid="step-slider"
      role="slider"
      tabIndex={0}
      aria-label="Step"
      aria-valuemin={all[0] ?? 0}
      aria-valuemax={all.at(-1) ?? 0}
      aria-valuenow={at ?? 0}
      aria-valuetext={
        at === undefined
          ? 'no step yet'
          : [`step ${formatCount(at)}`, aboutStep(), isSkipped() && 'update skipped']
              .filter(Boolean)
              .join(', ')
      }
      onPointerDown={(event) => {
        if (event.button !== 0 || all.length === 0) return;
        dragging.current = true;
        event.currentTarget.setPointerCapture(event.pointerId);
        scrub(event);
      }}
      onPointerMove={(event) => dragging.current && scrub(event)}
      onPointerUp={() => {
        dragging.current = false;
      }}
      onPointerCancel={() => {
        dragging.current = false;
      }}
      onKeyDown={(event) => {
        const act = keys[event.key];
        if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        playing.value = false;
        act();
      }}
    >
      <svg ref={ref} width="100%" height="100%" aria-hidden="true">
        {width > 0 && span && (
          <>
            <Ticks low={low} high={high} x={x} width={width} />
            <Curves curves={curves} x={x} />
            <Dots x={x} width={room} />
            {now !== undefined && (
              <g class="handle">
                <line x1={x(now)} x2={x(now)} y1={3} y2={BASELINE} />
                <circle cx={x(now)} cy={BASELINE} r={7} />
              </g>
            )}
            <Skipped x={x} />
            <AlertMarks x={x} />
          </>
        )}
        {all.length === 0 && width > 0 && (
          <text class="tick" x={MARGIN} y={height / 2}>
            Steps appear here as they are recorded.
          </text>
        )}
      </svg>
    </div>
  );
}

interface Curve {
  run: string;
  color: string;
  places: readonly number[];
  loss: Float32Array;
}

function lossCurves(): Curve[] {
  return shownData.value.flatMap((known) => {
    const { places } = runPlaces(known);
    if (places.length === 0) return [];
    const index = (runs.value ?? []).findIndex(({ run }) => run === known.run);
    const loss = lossOverSteps(known.model, known.statistics);
    return [{ run: known.run, color: runColor(index), places, loss }];
  });
}

function Curves({ curves, x }: { curves: Curve[]; x: (at: number) => number }) {
  const range = extent(curves.flatMap(({ loss }) => Array.from(loss)));
  if (!range) return null;
  const [low, high] = range;
  const y = (value: number) =>
    high > low
      ? BASELINE - 8 - ((value - low) / (high - low)) * (BASELINE - 8 - TOP)
      : (TOP + BASELINE) / 2;
  return (
    <>
      {/* The shown run lies on top. */}
      {[...curves].reverse().map(({ run, color, places, loss }) => (
        <path
          key={run}
          class="loss"
          style={{ stroke: color }}
          d={lossPath(places.map(x), Array.from(loss, y))}
        />
      ))}
    </>
  );
}

/** Joins the records whose loss is known. */
function lossPath(xs: number[], ys: number[]): string {
  const known = [...ys.keys()].filter((i) => !Number.isNaN(ys[i]));
  return linePath(
    known.map((i) => xs[i]),
    known.map((i) => ys[i]),
  );
}

/** A mark where an alert of a shown run begins; a click opens its layer there. */
function AlertMarks({ x }: { x: (at: number) => number }) {
  return (
    <>
      {alerts.value.map(({ run, rule, layer, step, row }) => {
        const known = shownData.value.find((one) => one.run === run);
        if (!known) return null;
        const place = x(placeOf(runPlaces(known), step));
        return (
          <g
            key={`${run} ${rule.name}`}
            class={`alert-mark ${rule.level}`}
            data-testid="alert-mark"
            data-rule={rule.name}
            transform={`translate(${place - 5} 2)`}
            // Not the beginning of a scrub.
            onPointerDown={(event) => event.stopPropagation()}
            onClick={() => openLayer(run, layer, step, known.model.rows[row]?.kind as Kind)}
          >
            <title>
              {rule.title}: {layer}, step {formatCount(step)}, {runTitle(run)}
            </title>
            <path d={HEALTH_SHAPES[rule.level]} />
          </g>
        );
      })}
    </>
  );
}

/** A cross over each step whose update was skipped. */
function Skipped({ x }: { x: (at: number) => number }) {
  const known = data.value;
  if (!known?.statistics) return null;
  let free = Number.NEGATIVE_INFINITY;
  return (
    <>
      {skippedSteps(known.model, known.statistics).map((one) => {
        const place = x(placeOf(runPlaces(known as ShownRun), one));
        // Crosses that would touch are drawn as one.
        if (place < free) return null;
        free = place + 9;
        return (
          <g key={one} class="skipped" data-testid="skipped" data-step={one}>
            <title>
              Step {formatCount(one)}: {SKIPPED_TEXT}
            </title>
            <rect x={place - 7} y={0} width={14} height={BASELINE} />
            <path d={`M${place - 3.5} ${TOP - 5}l7 7m0 -7l-7 7`} />
          </g>
        );
      })}
    </>
  );
}

function Ticks(props: {
  low: number;
  high: number;
  x: (at: number) => number;
  width: number;
}) {
  const { low, high, x, width } = props;
  const alignment = state.align.value;
  return (
    <>
      {placeTicks(low, high, Math.max(1, Math.floor(width / 130)), alignment).map(
        (tick) => (
          <g key={tick}>
            <line class="grid" x1={x(tick)} x2={x(tick)} y1={TOP - 2} y2={BASELINE} />
            <text class="tick" x={x(tick)} y={BASELINE + 17} text-anchor="middle">
              {formatPlace(tick, alignment)}
            </text>
          </g>
        ),
      )}
    </>
  );
}

function Dots({ x, width }: { x: (at: number) => number; width: number }) {
  const all = steps.value;
  const places = stepPlaces.value;
  const full = new Set(shownSteps.value);
  // Dots that would touch are drawn as one line.
  if (all.length > width / 5) {
    return (
      <line
        class="dots"
        x1={x(places[0])}
        x2={x(places[places.length - 1])}
        y1={BASELINE}
        y2={BASELINE}
      />
    );
  }
  return (
    <>
      {all.map((one, i) => (
        <circle
          key={one}
          class={i <= stepIndex.value ? 'dot past' : 'dot'}
          cx={x(places[i])}
          cy={BASELINE}
          // Steps that lack what the view shows are the small ones.
          r={full.size === all.length ? 2 : full.has(one) ? 3 : 1.2}
        />
      ))}
    </>
  );
}
