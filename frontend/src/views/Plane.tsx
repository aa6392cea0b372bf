import { signal } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
import type { Colormap } from '../colormaps';
import { channelPixels, type Domain } from '../heatmap';
import type { Stack } from '../wire_format';
import { useVisible } from './hooks';
import { cellUnder, hover } from './hover';

interface PlaneProps {
  stack: Stack;
  channel: number;
  domain: Domain;
  map: Colormap;
  testId?: string;
  class?: string;
  /** CSS pixels, or any CSS length. */
  width: number | string;
  height: number | string;
}

/** A plane's picture over what it lies on; undefined where it stands alone. */
export type Underlay = (
  stack: Stack,
  channel: number,
  domain: Domain,
  map: Colormap,
) => { pixels: Uint32Array; height: number; width: number } | undefined;

/** Set while feature maps lie over images. */
export const underlay = signal<Underlay | null>(null);

// Round corners would hide values of smaller planes, in CSS pixels.
const SHARP_WIDTH = 30;

/**
 * One plane on a canvas of its own size: pixel (x, y) is the value at (y, x), and the
 * style sheet enlarges it without blurring. Painted only while it is in view.
 */
export function Plane({
  stack,
  channel,
  domain,
  map,
  testId,
  width,
  height,
  ...rest
}: PlaneProps) {
  const [ref, visible] = useVisible<HTMLCanvasElement>();
  const { low, high } = domain;
  const under = underlay.value;
  useLayoutEffect(() => {
    if (visible && ref.current) paint(ref.current, stack, channel, { low, high }, map);
  }, [visible, stack, channel, low, high, map, under]);
  const point = (event: PointerEvent) => {
    hover.value = {
      stack,
      channel,
      ...cellUnder(event, stack.width, stack.height),
      pageX: event.clientX,
      pageY: event.clientY,
    };
  };
  return (
    <canvas
      ref={ref}
      class={`plane ${rest.class ?? ''} ${Number(width) < SHARP_WIDTH ? 'sharp' : ''}`}
      data-testid={testId}
      data-channel={channel}
      style={{ width: cssLength(width), height: cssLength(height) }}
      onPointerMove={point}
      onPointerLeave={() => {
        hover.value = null;
      }}
    />
  );
}

/** Paints a plane, and says on the canvas what it shows: both change together. */
function paint(
  canvas: HTMLCanvasElement,
  stack: Stack,
  channel: number,
  domain: Domain,
  map: Colormap,
): void {
  const { header } = stack;
  const over = underlay.peek()?.(stack, channel, domain, map);
  const { pixels, width, height } = over ?? {
    ...stack,
    pixels: channelPixels(stack, channel, domain, map),
  };
  drawPixels(canvas, pixels, width, height);
  Object.assign(canvas.dataset, {
    kind: header.kind,
    path: header.path,
    step: header.step,
    sample: stack.index,
    low: domain.low,
    high: domain.high,
    colormap: map.name,
    over: over ? 'image' : '',
  });
}

export function cssLength(length: number | string): string {
  return typeof length === 'number' ? `${length}px` : length;
}

// A canvas in the memory of the processor is painted with what is around it. Any other is
// a layer of the compositor, and putting hundreds of them together takes most of a frame.
const CPU: CanvasRenderingContext2DSettings = { willReadFrequently: true };

/** Puts pixels on a canvas of their size. */
export function drawPixels(
  canvas: HTMLCanvasElement,
  pixels: Uint32Array,
  width: number,
  height: number,
): void {
  // Setting a size, even the same, would clear and allocate anew.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  if (width === 0 || height === 0) return;
  const bytes = new Uint8ClampedArray(pixels.buffer as ArrayBuffer);
  canvas.getContext('2d', CPU)?.putImageData(new ImageData(bytes, width, height), 0, 0);
}
