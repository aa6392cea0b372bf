/** Heatmaps along one axis: behind the curve of a series, or behind the words of a text. */
import { useLayoutEffect } from 'preact/hooks';
import { pixelToCss } from '../colormaps';
import { extent } from '../axis';
import { formatValue, formatWithError } from '../format';
import { type HeatPainting, heatPainting } from '../heat_painting';
import { hexToPixel } from '../colormaps';
import { valueToPixel } from '../heatmap';
import { methodTitle } from '../methods';
import { blended } from '../overlay';
import { state } from '../state';
import { data } from '../store';
import { dark } from '../theme';
import { type Stack, valueAt, worstError } from '../wire_format';
import { heatWords } from './HeatPlane';
import { useSize } from './hooks';
import { cellUnder, hover } from './hover';
import { axisWord } from './ReadOut';
import { inkOn } from '../ink';

const HEIGHT = 92;
/** Of the strip of colours below the curve, in CSS pixels. */
const STRIP = 10;
/** More curves could not be told apart. */
const MOST_CURVES = 6;

interface StripProps {
  stack: Stack;
  input: Stack | undefined;
}

/** The tokens of a sample, where the probe is a text of that length. */
export function tokensOf({ input }: StripProps): string[] | undefined {
  const { tokens = [], input_paths = [] } = data.value?.model.probe ?? {};
  if (!input || input.header.path !== input_paths[0]) return undefined;
  const found = tokens[input.index]?.tokens ?? [];
  return found.length > 0 ? found : undefined;
}

/** A heatmap along one axis, over what it explains. */
export function HeatStrip(props: StripProps) {
  const tokens = tokensOf(props);
  return tokens ? <HeatText {...props} tokens={tokens} /> : <HeatCurve {...props} />;
}

/** The page's colour, which a heatmap of 0 leaves as it is. */
function pageColor(): number {
  const token = getComputedStyle(document.documentElement).getPropertyValue('--bg');
  return hexToPixel(token.trim().slice(1));
}

function colorOf({ domain, map }: HeatPainting, value: number): number {
  const share = state.picture.value === 'image' ? 0 : 1;
  const opacity = state.picture.value === 'heatmap' ? 1 : state.opacity.value;
  return blended(pageColor(), valueToPixel(value, domain, map), share * opacity);
}

/** Each token on the colour of its value. */
function HeatText({ stack, input, tokens }: StripProps & { tokens: readonly string[] }) {
  const painting = heatPainting(stack, input);
  const { values, domain, map } = painting;
  // Subscribes to what the page's colour follows.
  const theme = dark.value ? 'dark' : 'light';
  // What is empty at the end is padding.
  const last = tokens.reduce((found, token, i) => (token === '' ? found : i), -1);
  return (
    <p
      class="heat-text"
      data-testid="heat-text"
      data-path={stack.header.path}
      data-step={stack.header.step}
      data-sample={stack.index}
      data-low={domain.low}
      data-high={domain.high}
      data-colormap={map.name}
      data-theme={theme}
    >
      {tokens.slice(0, last + 1).map((token, i) => {
        const value = values[i] ?? Number.NaN;
        const pixel = colorOf(painting, value);
        return (
          <span
            key={i}
            data-index={i}
            style={{ background: pixelToCss(pixel), color: inkOn(pixel) }}
            onPointerMove={(event) => {
              hover.value = {
                stack,
                channel: 0,
                y: 0,
                x: i,
                words: [
                  heatWords(stack, value),
                  `${methodTitle(stack.header.path)} · token ${i} “${token}”`,
                ],
                pageX: event.clientX,
                pageY: event.clientY,
              };
            }}
            onPointerLeave={() => {
              hover.value = null;
            }}
          >
            {token || '·'}
          </span>
        );
      })}
      {last + 1 < tokens.length && <small>{tokens.length - last - 1} empty places</small>}
    </p>
  );
}

/** The curves of a series before the colours of the heatmap, which a strip below has, too. */
function HeatCurve({ stack, input }: StripProps) {
  const [ref, { width }] = useSize<HTMLCanvasElement>();
  const painting = heatPainting(stack, input);
  const { values, domain, map } = painting;
  const curves = input && !isWhole(input) ? curvesOf(input) : [];
  const height = curves.length > 0 ? HEIGHT : 28;
  const [picture, opacity] = [state.picture.value, state.opacity.value];
  useLayoutEffect(() => {
    const canvas = ref.current;
    if (!canvas || width === 0) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext('2d');
    if (!context) return;
    context.scale(ratio, ratio);
    const place = (i: number) => (i * width) / values.length;
    values.forEach((value, i) => {
      context.fillStyle = pixelToCss(colorOf(painting, value));
      const left = Math.floor(place(i) * ratio) / ratio;
      const right = Math.ceil(place(i + 1) * ratio) / ratio;
      context.fillRect(left, 0, right - left, height);
    });
    const style = getComputedStyle(document.documentElement);
    drawCurves(context, curves, style, width, height);
    Object.assign(canvas.dataset, {
      mode: 'curve',
      path: stack.header.path,
      step: stack.header.step,
      sample: stack.index,
      low: domain.low,
      high: domain.high,
      colormap: map.name,
    });
  }, [
    width,
    height,
    values,
    input,
    domain.low,
    domain.high,
    map,
    picture,
    opacity,
    dark.value,
  ]);
  return (
    <canvas
      ref={ref}
      class="heat-curve"
      data-testid="heat-curve"
      style={{ height: `${height}px` }}
      onPointerMove={(event) => {
        const { x } = cellUnder(event, values.length, 1);
        const axis = axisWord(stack.header.width_axis, 'place');
        const words = [
          heatWords(stack, values[x]),
          `${methodTitle(stack.header.path)} · ${axis} ${x}`,
        ];
        if (curves.length > 0)
          words.push(`input ${curves.map((curve) => formatValue(curve[x])).join(', ')}`);
        else if (input)
          words.push(
            `input ${formatWithError(valueAt(input, 0, 0, x), worstError(input, 0))}`,
          );
        hover.value = {
          stack,
          channel: 0,
          y: 0,
          x,
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

/** Token ids and the like are names, not heights. */
function isWhole({ header }: Stack): boolean {
  return /^u?int/.test(header.dtype);
}

/** The channels of a series, [place]. */
function curvesOf(input: Stack): number[][] {
  const count = input.height * input.channels;
  return Array.from({ length: Math.min(MOST_CURVES, count) }, (_, row) =>
    Array.from({ length: input.width }, (_, x) =>
      valueAt(input, Math.floor(row / input.height), row % input.height, x),
    ),
  );
}

function drawCurves(
  context: CanvasRenderingContext2D,
  curves: readonly number[][],
  style: CSSStyleDeclaration,
  width: number,
  height: number,
): void {
  const [low, high] = extent(curves.flat()) ?? [0, 0];
  const room = height - STRIP - 12;
  const y = (value: number) =>
    6 + (high > low ? (1 - (value - low) / (high - low)) * room : room / 2);
  curves.forEach((curve, row) => {
    const line = new Path2D();
    curve.forEach((value, i) => {
      const x = ((i + 0.5) * width) / curve.length;
      if (i === 0 || !Number.isFinite(curve[i - 1])) line.moveTo(x, y(value));
      else if (Number.isFinite(value)) line.lineTo(x, y(value));
    });
    context.lineJoin = 'round';
    // On a seam of the page's colour, so that it is seen on any colour behind it.
    context.strokeStyle = style.getPropertyValue('--bg');
    context.lineWidth = 4;
    context.globalAlpha = 0.7;
    context.stroke(line);
    context.globalAlpha = 1;
    context.strokeStyle = style.getPropertyValue('--ink');
    context.lineWidth = 1.6;
    context.setLineDash(row === 0 ? [] : [2 + row, 2]);
    context.stroke(line);
    context.setLineDash([]);
  });
}
