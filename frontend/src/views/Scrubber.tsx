import { useRef } from 'preact/hooks';
import { goToIndex, goToPlace, moveStep, openLayer, playing } from '../actions';
import { extent, linePath } from '../axis';
import { formatCount } from '../format';
import type { Kind } from '../selection';
import { alerts } from '../alert_store';
import { placeNow, runPlaces, shownData, type ShownRun, stepPlaces } from '../shown_runs';
import { formatPlace, placeOf, placeTicks } from '../alignment';
import { state } from '../state';
import { lossOverSteps, SKIPPED_TEXT, skippedSteps } from '../statistics';
import { data, shownSteps, step, stepIndex, steps } from '../store';
import { isSkipped } from './Absent';
import { colorOfRun, runTitle } from './colors';
import { FlipMarks, flipsHereText } from './FlipMarks';
import { HEALTH_SHAPES } from './HealthMark';
import { useSize } from './hooks';
import { aboutStep } from './StepAxis';

const MARGIN = 24;
const BASELINE = 82;
const TOP = 10;
// A row of marks lies between the loss and the records.
const FLIPS = 69;
const LOSS_BOTTOM = 62;

/** Recorded steps on their axis, with the loss behind and marks over it; moves the page. */
export function Scrubber() {
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
          : [
              `step ${formatCount(at)}`,
              aboutStep(),
              isSkipped() && 'update skipped',
              ...flipsHereText(),
            ]
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
            <FlipMarks x={(one) => x(placeOfStep(one))} y={FLIPS} />
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

/** Where a step of the shown run lies on the axis. */
function placeOfStep(step: number): number {
  return placeOf({ steps: steps.value, places: stepPlaces.value }, step);
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
    const loss = lossOverSteps(known.model, known.statistics);
    return [{ run: known.run, color: colorOfRun(known.run), places, loss }];
  });
}

function Curves({ curves, x }: { curves: Curve[]; x: (at: number) => number }) {
  const range = extent(curves.flatMap(({ loss }) => Array.from(loss)));
  if (!range) return null;
  const [low, high] = range;
  const y = (value: number) =>
    high > low
      ? LOSS_BOTTOM - ((value - low) / (high - low)) * (LOSS_BOTTOM - TOP)
      : (TOP + LOSS_BOTTOM) / 2;
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
            <text class="tick" x={x(tick)} y={BASELINE + 16} text-anchor="middle">
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
