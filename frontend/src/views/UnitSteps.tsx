import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { goToStep } from '../actions';
import { formatCount, plural } from '../format';
import { channelPixels } from '../heatmap';
import { filmstrip, stack } from '../maps_store';
import { paintingOf } from '../painting';
import { nearestIndex, tagSteps } from '../selection';
import { BLOBS_PER_ANSWER } from '../stacks';
import { data, tag } from '../store';
import type { Stack } from '../wire_format';
import { filmText, NO_SERIES, useFilmstripColumns } from './Filmstrip';
import type { Size } from './hooks';
import { cellUnder, type Hover, hover } from './hover';
import { Failure, Waiting } from './Messages';
import { drawPixels } from './Plane';
import { valueText } from './ReadOut';

// Room for the axis' names and numbers, in CSS pixels.
const LEFT = 60;
const BOTTOM = 60;
/** Sides of a cell, in CSS pixels. */
const LEAST_WIDTH = 3;
const MOST_WIDTH = 40;
const MOST_HEIGHT = 24;
const UNITS_A_PAGE = 10;

interface Cell {
  step: number;
  unit: number;
}

function pointed(stack: Stack, unit: number, pageX: number, pageY: number): Hover {
  return { stack, channel: 0, y: 0, x: unit, pageX, pageY };
}

/** A vector over steps, as one picture: a row for each unit, a column for each step. */
export function UnitSteps({ room }: { room: Size }) {
  const ref = useRef<HTMLCanvasElement>(null);
  const { question, answer, loading, error } = filmstrip.value;
  const one = stack.value.answer;
  const steps = tagSteps(data.value?.series ?? NO_SERIES, tag.value ?? '').steps;
  const place = Math.max(80, room.width - LEFT);
  useFilmstripColumns(
    Math.min(steps.length, Math.floor(place / LEAST_WIDTH), BLOBS_PER_ANSWER),
  );
  const units = one?.width ?? 0;
  const markRef = useRef<HTMLSpanElement>(null);
  /** The cell that the keys have come to, while the picture has the focus. */
  const [cell, setCell] = useState<Cell | null>(null);
  const frames = (answer ?? []).map((frame) => frame && { frame, ...paintingOf(frame) });
  useLayoutEffect(() => {
    if (!ref.current || frames.length === 0) return;
    // What is not stored stays transparent.
    const pixels = new Uint32Array(frames.length * units);
    frames.forEach((column, i) => {
      if (column?.frame.width !== units) return;
      const { frame, domainOf, map } = column;
      const found = channelPixels(frame, 0, domainOf(0), map);
      for (let unit = 0; unit < units; unit++)
        pixels[unit * frames.length + i] = found[unit];
    });
    drawPixels(ref.current, pixels, frames.length, units);
    Object.assign(ref.current.dataset, { path: one?.header.path, columns: frames.length });
  });
  const columnOf = (step: number) =>
    nearestIndex(
      (question ?? []).map((column) => column.step),
      step,
    );
  const at = cell && {
    x: columnOf(cell.step),
    // Another layer may have fewer units.
    y: Math.max(0, Math.min(units - 1, cell.unit)),
  };
  const marked = at && answer?.[at.x];
  useEffect(() => {
    if (!at || !markRef.current) return;
    markRef.current.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    const box = markRef.current.getBoundingClientRect();
    hover.value = marked
      ? pointed(marked, at.y, box.left + box.width / 2, box.top + box.height / 2)
      : null;
  }, [at?.x, at?.y, marked]);
  if (error) return <Failure error={error} />;
  if (!question || !answer || !one) return <Waiting />;
  const here = question.findIndex(({ step }) => step === one.header.step);
  const onKeyDown = (event: KeyboardEvent) => {
    if (!at || event.ctrlKey || event.metaKey || event.altKey) return;
    const [last, lowest] = [question.length - 1, units - 1];
    const moves: Record<string, () => { x: number; y: number }> = {
      ArrowLeft: () => ({ ...at, x: Math.max(0, at.x - 1) }),
      ArrowRight: () => ({ ...at, x: Math.min(last, at.x + 1) }),
      ArrowUp: () => ({ ...at, y: Math.max(0, at.y - 1) }),
      ArrowDown: () => ({ ...at, y: Math.min(lowest, at.y + 1) }),
      PageUp: () => ({ ...at, y: Math.max(0, at.y - UNITS_A_PAGE) }),
      PageDown: () => ({ ...at, y: Math.min(lowest, at.y + UNITS_A_PAGE) }),
      Home: () => ({ ...at, x: 0 }),
      End: () => ({ ...at, x: last }),
    };
    const move = moves[event.key];
    if (move) {
      const { x, y } = move();
      setCell({ step: question[x].step, unit: y });
    } else if (event.key === 'Enter') goToStep(question[at.x].step);
    else return;
    // Otherwise they would move the page's own step.
    event.preventDefault();
  };
  const width = Math.min(place, MOST_WIDTH * question.length);
  const height = Math.max(
    units,
    Math.min(MOST_HEIGHT * units, Math.max(160, room.height - BOTTOM)),
  );
  return (
    <div class={`filmstrip ${loading ? 'stale' : ''}`} data-testid="unit-steps">
      <p class="axes-note">
        {filmText(
          answer.map((frame, i) => ({
            step: question[i].step,
            stack: frame,
            painting: frame && paintingOf(frame),
          })),
          steps.length,
          one.header.kind,
        )}
      </p>
      <figure class="matrix">
        <div class="y-axis">
          <span>0</span>
          <b>unit</b>
          <span>{units - 1}</span>
        </div>
        <div class="in-axes" style={{ width: `${width}px`, height: `${height}px` }}>
          <canvas
            ref={ref}
            class="plane sharp"
            role="application"
            tabIndex={0}
            aria-label={`${plural(units, 'unit')} over ${plural(question.length, 'step')}: arrows move from cell to cell, Enter goes to a step, as a click does`}
            style={{ width: '100%', height: '100%' }}
            onPointerMove={(event) => {
              const { x, y } = cellUnder(event, question.length, units);
              const frame = answer[x];
              hover.value = frame ? pointed(frame, y, event.clientX, event.clientY) : null;
            }}
            onPointerLeave={() => {
              hover.value = null;
            }}
            onClick={(event) => {
              goToStep(question[cellUnder(event, question.length, units).x].step);
            }}
            onFocus={({ currentTarget }) => {
              // By pointer, the pointer says which cell is meant.
              if (!currentTarget.matches(':focus-visible')) return;
              setCell({ step: one.header.step, unit: 0 });
            }}
            onBlur={() => {
              setCell(null);
              hover.value = null;
            }}
            onKeyDown={onKeyDown}
          />
          {at && (
            <span
              ref={markRef}
              class="cell-mark"
              data-testid="cell-mark"
              style={{
                left: `${(100 * at.x) / question.length}%`,
                top: `${(100 * at.y) / units}%`,
                width: `${100 / question.length}%`,
                height: `${100 / units}%`,
              }}
            />
          )}
          <span class="unseen" role="status">
            {at &&
              marked &&
              `Unit ${at.y}, step ${formatCount(question[at.x].step)}: ${valueText(pointed(marked, at.y, 0, 0))}`}
          </span>
          {here >= 0 && (
            <span
              class="step-mark"
              style={{
                left: `${(100 * here) / question.length}%`,
                width: `${100 / question.length}%`,
              }}
            />
          )}
        </div>
        <div class="x-axis">
          <span>{formatCount(question[0].step)}</span>
          <b>step</b>
          <span>{formatCount(question[question.length - 1].step)}</span>
        </div>
      </figure>
    </div>
  );
}
