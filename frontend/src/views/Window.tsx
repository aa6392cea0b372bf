/** The ends of the colour map: read, typed, and dragged on the legend's bar. */
import { batch } from '@preact/signals';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type DomainWindow, draggedEnds, type Grip, union, windowed } from '../domain';
import { formatCount, formatValue, parseValue } from '../format';
import { type Domain, legendPixels } from '../heatmap';
import { centred, domainWindow, type Painting } from '../painting';
import { state } from '../state';
import { drawPixels } from './Plane';

const COLORS = 256;

const END_TITLES = {
  low: 'Value of the first colour; empty is as normalised',
  high: 'Value of the last colour; empty is as normalised',
};

/** One end of the colour map, to read and to type. */
export function End({ end, painting }: { end: 'low' | 'high'; painting: Painting }) {
  const [typed, setTyped] = useState<string | null>(null);
  const value = painting.shared?.[end] ?? state[end].value;
  const parsed = typed === null || typed.trim() === '' ? null : parseValue(typed);
  const isRefused =
    parsed === undefined || (parsed !== null && !leavesWidth(painting.base, end, parsed));
  const commit = () => {
    if (typed !== null && !isRefused) state[end].value = parsed;
    setTyped(null);
  };
  return (
    <input
      class={`end ${end}`}
      type="text"
      inputMode="decimal"
      data-testid={`window-${end}`}
      aria-label={`${end === 'low' ? 'Least' : 'Greatest'} value of the colour map`}
      aria-invalid={isRefused}
      title={END_TITLES[end]}
      placeholder={end === 'high' ? 'max' : centred.value ? '−max' : 'min'}
      value={typed ?? (value === null ? '' : inputText(value))}
      onFocus={(event) => event.currentTarget.select()}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
        if (event.key === 'Escape') setTyped(null);
      }}
    />
  );
}

/** Whether the domain has a width with this end. */
function leavesWidth(base: Domain, end: 'low' | 'high', value: number): boolean {
  const window = { ...domainWindow.value, [end]: value };
  const { low, high } = windowed(base, window, centred.value);
  return high > low;
}

/** Three digits, in a form that can be typed. */
function inputText(value: number): string {
  const rounded = Number(value.toPrecision(3));
  const size = Math.abs(rounded);
  const plain = size === 0 || (size >= 1e-3 && size < 1e5);
  return (plain ? String(rounded) : rounded.toExponential()).replaceAll('-', '−');
}

function setEnds(ends: Partial<DomainWindow>): void {
  batch(() => {
    if (ends.low !== undefined) state.low.value = ends.low;
    if (ends.high !== undefined) state.high.value = ends.high;
  });
}

interface Drag {
  grip: Grip;
  from: Domain;
  track: Domain;
  /** CSS pixels of the page. */
  startX: number;
}

/** The pointer takes a handle from so far away, in CSS pixels. */
const REACH = 9;

/** The colours from end to end, with the two handles of the window. */
export function Bar({ painting, clipped }: { painting: Painting; clipped: number }) {
  const { shared, base, map } = painting;
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useRef<Drag | null>(null);
  const domain = shared ?? { low: 0, high: 1 };
  // While it is dragged, the bar does not move under the pointer.
  const track =
    drag.current?.track ?? (shared ? (union([base, shared]) ?? shared) : domain);
  useLayoutEffect(() => {
    if (!canvas.current) return;
    drawPixels(canvas.current, legendPixels(domain, map, COLORS, track), COLORS, 1);
  }, [domain.low, domain.high, track.low, track.high, map]);
  const width = track.high - track.low;
  const place = (value: number) => (width > 0 ? (value - track.low) / width : 0.5);
  const zero = centred.value && shared && place(0) > 0 && place(0) < 1;
  const move = (from: Domain, grip: Grip, by: number) =>
    setEnds(draggedEnds(from, track, grip, by, centred.value));
  const begin = (event: PointerEvent) => {
    if (event.button !== 0 || !shared || !(width > 0)) return;
    const bar = event.currentTarget as HTMLElement;
    const box = bar.getBoundingClientRect();
    const x = event.clientX - box.left;
    const [low, high] = [place(shared.low), place(shared.high)].map((p) => p * box.width);
    const [toLow, toHigh] = [Math.abs(x - low), Math.abs(x - high)];
    const nearer = toLow < toHigh || (toLow === toHigh && x < low) ? 'low' : 'high';
    const between = x > low && x < high && Math.min(toLow, toHigh) > REACH;
    const grip = between ? 'both' : nearer;
    drag.current = { grip, from: shared, track, startX: event.clientX };
    bar.setPointerCapture(event.pointerId);
    if (grip !== 'both') bar.querySelector<HTMLElement>(`.grip.${grip}`)?.focus();
    event.preventDefault();
  };
  const end = () => {
    drag.current = null;
  };
  return (
    <span
      class={`bar ${shared ? 'movable' : ''}`}
      data-testid="window-bar"
      onPointerDown={begin}
      onPointerMove={(event) => {
        if (!drag.current) return;
        const { grip, from, startX } = drag.current;
        const by = ((event.clientX - startX) / event.currentTarget.clientWidth) * width;
        move(from, grip, by);
      }}
      onPointerUp={end}
      onPointerCancel={end}
    >
      <canvas ref={canvas} />
      {zero && <i title="0" style={{ left: `${100 * place(0)}%` }} />}
      {shared &&
        width > 0 &&
        (['low', 'high'] as const).map((grip) => (
          <span
            key={grip}
            class={`grip ${grip}`}
            role="slider"
            tabIndex={0}
            data-testid={`window-grip-${grip}`}
            aria-label={`${grip === 'low' ? 'Least' : 'Greatest'} value of the colour map`}
            aria-valuemin={track.low}
            aria-valuemax={track.high}
            aria-valuenow={shared[grip]}
            aria-valuetext={formatValue(shared[grip], 3)}
            title="Drag to change the colours’ range, between the handles to move it"
            style={{ left: `${100 * place(shared[grip])}%` }}
            onKeyDown={(event) => {
              const steps = KEY_STEPS[event.key];
              if (steps === undefined || event.ctrlKey || event.metaKey || event.altKey)
                return;
              event.preventDefault();
              move(shared, grip, (steps * width) / 50);
            }}
          />
        ))}
      {clipped > 0 && (
        <span class="clipped" title="Values beyond the ends have the colours of the ends">
          {formatCount(clipped)} clipped
        </span>
      )}
    </span>
  );
}

/** Fiftieths of the bar that a key moves a handle. */
const KEY_STEPS: Record<string, number> = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -5,
  PageUp: 5,
  Home: -50,
  End: 50,
};
