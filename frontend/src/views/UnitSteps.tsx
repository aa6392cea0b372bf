import { useLayoutEffect, useRef } from 'preact/hooks';
import { goToStep } from '../actions';
import { formatCount, plural } from '../format';
import { channelPixels } from '../heatmap';
import { filmstrip, stack } from '../maps_store';
import { paintingOf } from '../painting';
import { tagSteps } from '../selection';
import { BLOBS_PER_ANSWER } from '../stacks';
import { data, tag } from '../store';
import { filmText, NO_SERIES, useFilmstripColumns } from './Filmstrip';
import type { Size } from './hooks';
import { cellUnder, hover } from './hover';
import { Failure, Waiting } from './Messages';
import { drawPixels } from './Plane';

// Room for the axis' names and numbers, in CSS pixels.
const LEFT = 60;
const BOTTOM = 60;
/** Sides of a cell, in CSS pixels. */
const LEAST_WIDTH = 3;
const MOST_WIDTH = 40;
const MOST_HEIGHT = 24;

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
  if (error) return <Failure error={error} />;
  if (!question || !answer || !one) return <Waiting />;
  const here = question.findIndex(({ step }) => step === one.header.step);
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
            role="img"
            aria-label={`${plural(units, 'unit')} over ${plural(question.length, 'step')}; a click goes to a step`}
            style={{ width: '100%', height: '100%' }}
            onPointerMove={(event) => {
              const { x, y } = cellUnder(event, question.length, units);
              const frame = answer[x];
              hover.value = frame
                ? {
                    stack: frame,
                    channel: 0,
                    y: 0,
                    x: y,
                    pageX: event.clientX,
                    pageY: event.clientY,
                  }
                : null;
            }}
            onPointerLeave={() => {
              hover.value = null;
            }}
            onClick={(event) => {
              goToStep(question[cellUnder(event, question.length, units).x].step);
            }}
          />
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
