import { useLayoutEffect } from 'preact/hooks';
import { formatWithError } from '../format';
import { heatPainting } from '../heat_painting';
import { methodTitle } from '../methods';
import { heatError, overlaid } from '../overlay';
import { state } from '../state';
import { type Stack, valueAt, worstError } from '../wire_format';
import { useVisible } from './hooks';
import { cellUnder, hover } from './hover';
import { cssLength, drawPixels } from './Plane';

/** A heatmap over its image, in the size of the image; painted only while in view. */
export function HeatPlane({
  stack,
  input,
  width,
  height,
  testId = 'heat',
}: {
  stack: Stack;
  input: Stack | undefined;
  /** CSS pixels, or any CSS length. */
  width: number | string;
  height: number | string;
  testId?: string;
}) {
  const [ref, visible] = useVisible<HTMLCanvasElement>();
  const [picture, opacity] = [state.picture.value, state.opacity.value];
  const painting = heatPainting(stack, input);
  const { values, image, domain, map } = painting;
  useLayoutEffect(() => {
    const canvas = ref.current;
    if (!visible || !canvas) return;
    const below = picture === 'heatmap' ? undefined : image;
    const pixels =
      picture === 'image' && image ? image : overlaid(below, values, domain, map, opacity);
    drawPixels(canvas, pixels, painting.width, painting.height);
    const { kind, path, step } = stack.header;
    Object.assign(canvas.dataset, {
      kind,
      path,
      step,
      sample: stack.index,
      low: domain.low,
      high: domain.high,
      colormap: map.name,
      picture,
      opacity,
    });
  }, [visible, values, image, domain.low, domain.high, map, picture, opacity]);
  return (
    <canvas
      ref={ref}
      class="plane heat"
      data-testid={testId}
      style={{ width: cssLength(width), height: cssLength(height) }}
      onPointerMove={(event) => {
        const at = cellUnder(event, painting.width, painting.height);
        const on = input && image ? input : stack;
        const place = cellUnder(event, on.width, on.height);
        const words = [
          heatWords(stack, values[at.y * painting.width + at.x]),
          `${methodTitle(stack.header.path)} · x ${place.x} · y ${place.y}`,
        ];
        if (input && image) words.push(inputWords(input, place.y, place.x));
        hover.value = {
          stack,
          channel: 0,
          ...place,
          words,
          pageX: event.clientX,
          pageY: event.clientY,
        };
      }}
      onPointerLeave={() => {
        hover.value = null;
      }}
    />
  );
}

/** A value of the heatmap, with how far it may be off. */
export function heatWords(stack: Stack, value: number): string {
  return formatWithError(value, heatError(stack));
}

/** The input's values at a place. */
export function inputWords(input: Stack, y: number, x: number): string {
  const values = Array.from({ length: Math.min(4, input.channels) }, (_, channel) =>
    formatWithError(valueAt(input, channel, y, x), worstError(input, channel)),
  );
  return `input ${values.join(', ')}`;
}
