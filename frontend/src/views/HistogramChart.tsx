import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { formatCount, formatShare, formatValue, plural } from '../format';
import { type Columns, countIn, MEDIAN, specialCount } from '../histogram';
import type { Chart } from '../histogram_chart';
import { type HISTOGRAM_MODES, state } from '../state';
import { dark } from '../theme';
import { HISTOGRAM_BINS } from '../wire_format';
import { runTitle } from './colors';
import { Floating } from './Floating';
import {
  type Drawing,
  inkOf,
  type Picture,
  type Place,
  SPECIAL_NAMES,
} from './histogram_axes';
import { heatmapDrawing } from './histogram_heatmap';
import { overlayDrawing } from './histogram_overlay';
import { LEVEL_NAMES, ribbonsDrawing } from './histogram_ribbons';
import { ridgesDrawing } from './histogram_ridges';
import type { Size } from './hooks';

export type Mode = (typeof HISTOGRAM_MODES)[number];

const DRAWINGS: Record<Mode, (picture: Picture) => Drawing> = {
  offset: ridgesDrawing,
  overlay: overlayDrawing,
  percentiles: ribbonsDrawing,
  heatmap: heatmapDrawing,
};

export interface Pointed extends Place {
  pageX: number;
  pageY: number;
}

/** A drawing of histograms that says what is under the pointer. */
export function HistogramChart(props: {
  chart: Chart;
  mode: Mode;
  currents: readonly number[];
  size: Size;
  small?: boolean;
  testId: string;
  label: string;
  /** What a click on a step does; without it, a click is left to what is around. */
  onStep?: (step: number) => void;
}) {
  const { chart, mode, currents, size, small = false, onStep, testId, label } = props;
  const { width, height } = size;
  const alignment = state.align.value;
  const drawing = useMemo(
    () => DRAWINGS[mode]({ chart, currents, alignment, size: { width, height }, small }),
    [chart, mode, currents.join(), alignment, width, height, small],
  );
  return (
    <ChartCanvas
      drawing={drawing}
      size={size}
      testId={testId}
      label={label}
      shown={{
        mode,
        axis: chart.scale.axis,
        step: String(chart.runs[0].histograms.steps[currents[0]] ?? ''),
        runs: String(chart.runs.length),
      }}
      // Of what was pointed at before other data came, there may be nothing left.
      valid={(at) => chart.runs[at.run]?.shares[at.step]?.[at.column] !== undefined}
      readOut={(at) => <ReadOut chart={chart} mode={mode} at={at} />}
      onPlace={onStep && ((at) => onStep(chart.runs[at.run].histograms.steps[at.step]))}
    />
  );
}

/** A drawing on a canvas, with what is under the pointer. */
export function ChartCanvas(props: {
  drawing: Drawing;
  size: Size;
  testId: string;
  label: string;
  /** Said on the canvas in the same call that paints, for tests to wait for. */
  shown: Record<string, string>;
  valid: (at: Place) => boolean;
  readOut: (at: Pointed) => ComponentChildren;
  onPlace?: ((at: Place) => void) | undefined;
  onMove?: ((x: number) => void) | undefined;
}) {
  const { drawing, size, valid, onPlace, onMove } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const pointed = useSignal<Pointed | null>(null);
  const isDark = dark.value;

  useLayoutEffect(() => {
    if (!canvas.current || size.width === 0 || size.height === 0) return;
    paint(canvas.current, size, drawing);
    Object.assign(canvas.current.dataset, props.shown);
  }, [drawing, isDark]);

  const under = (event: MouseEvent): Pointed | null => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const place = drawing.under(event.clientX - box.left, event.clientY - box.top);
    return place ? { ...place, pageX: event.clientX, pageY: event.clientY } : null;
  };
  const at = pointed.value && valid(pointed.value) ? pointed.value : null;
  return (
    <>
      <canvas
        ref={canvas}
        data-testid={props.testId}
        role="img"
        aria-label={props.label}
        onPointerMove={(event) => {
          onMove?.(event.clientX - event.currentTarget.getBoundingClientRect().left);
          pointed.value = under(event);
        }}
        onPointerLeave={() => {
          pointed.value = null;
        }}
        onClick={(event) => {
          const place = under(event);
          if (place) onPlace?.(place);
        }}
      />
      {at && <Outline box={drawing.box(at)} />}
      {at && props.readOut(at)}
    </>
  );
}

function paint(canvas: HTMLCanvasElement, { width, height }: Size, drawing: Drawing): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext('2d');
  if (!context) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawing.draw(context, inkOf(canvas));
}

/** Marks what is under the pointer without drawing the chart again. */
function Outline({ box }: { box: ReturnType<Drawing['box']> }) {
  return (
    <i
      class="outline"
      style={{
        left: `${box.left}px`,
        top: `${box.top}px`,
        width: `${box.width}px`,
        height: `${box.height}px`,
      }}
    />
  );
}

/** The values that a column counts, in words. */
export function rangeText({ low, high, special }: Columns['finite'][number]): string {
  if (special) return SPECIAL_NAMES[special];
  if (low === 0 && high === 0) return 'exactly 0';
  return `${formatValue(low, 3)} … ${formatValue(high, 3)}`;
}

function ReadOut({ chart, mode, at }: { chart: Chart; mode: Mode; at: Pointed }) {
  const { run, histograms, shares, percentiles } = chart.runs[at.run];
  const { counts, steps } = histograms;
  const column = [...chart.columns.finite, ...chart.columns.special][at.column];
  const count = countIn(counts, at.step * HISTOGRAM_BINS, column);
  const levels = mode === 'percentiles' ? percentiles[at.step] : undefined;
  const special = levels ? specialCount(counts, at.step) : 0;
  return (
    <Floating pageX={at.pageX} pageY={at.pageY}>
      <b>
        {plural(count, 'value')} · {formatShare(shares[at.step][at.column])}
      </b>
      <span>{rangeText(column)}</span>
      <span>
        step {formatCount(steps[at.step])}
        {chart.runs.length > 1 && ` · ${runTitle(run)}`}
      </span>
      {levels && !Number.isNaN(levels[MEDIAN]) && (
        <dl class="levels">
          {[...levels.keys()].reverse().map((level) => (
            <div key={level} class={level === MEDIAN ? 'median' : ''}>
              <dt>{LEVEL_NAMES[level]}</dt>
              <dd>{formatValue(levels[level], 3)}</dd>
            </div>
          ))}
        </dl>
      )}
      {special > 0 && <span>without {formatCount(special)} NaN or ±Inf</span>}
    </Floating>
  );
}
