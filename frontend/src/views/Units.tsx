import { useLayoutEffect, useRef } from 'preact/hooks';
import { pixelToCss } from '../colormaps';
import { formatValue } from '../format';
import { channelPixels, valueToPixel } from '../heatmap';
import type { Layout } from '../layout';
import type { Painting } from '../painting';
import { data } from '../store';
import { type Stack, valueAt } from '../wire_format';
import type { Size } from './hooks';
import { cellUnder, hover } from './hover';
import { inkOn } from '../ink';
import { drawPixels, Plane } from './Plane';

interface UnitsProps {
  stack: Stack;
  painting: Painting;
  layout: Extract<Layout, { type: 'units' }>;
  room: Size;
}

/**
 * A vector of units: as one strip, in order, and below it as cells large enough to
 * tell apart: few with their index and value, many reflowed into a near-square grid.
 */
export function Units({ stack, painting, layout, room }: UnitsProps) {
  const width = Math.min(room.width, 40 * stack.width);
  return (
    <div class="units">
      <Plane
        stack={stack}
        channel={0}
        domain={painting.domainOf(0)}
        map={painting.map}
        testId="tile"
        class="strip"
        width={width}
        height={28}
      />
      {layout.labelled ? (
        <Cells stack={stack} painting={painting} />
      ) : (
        <Reflowed stack={stack} painting={painting} layout={layout} room={room} />
      )}
    </div>
  );
}

function Cells({ stack, painting }: { stack: Stack; painting: Painting }) {
  const domain = painting.domainOf(0);
  const names = data.value?.model.probe?.class_names ?? [];
  // Units of the last layer are classes, where there are as many.
  const name = (unit: number) =>
    names.length === stack.width ? names[unit] : String(unit);
  return (
    <div class="cells">
      {Array.from({ length: stack.width }, (_, unit) => {
        const value = valueAt(stack, 0, 0, unit);
        const pixel = valueToPixel(value, domain, painting.map);
        return (
          <div
            key={unit}
            class="cell"
            style={{ background: pixelToCss(pixel), color: inkOn(pixel) }}
            onPointerMove={(event) => {
              hover.value = {
                stack,
                channel: 0,
                y: 0,
                x: unit,
                pageX: event.clientX,
                pageY: event.clientY,
              };
            }}
            onPointerLeave={() => {
              hover.value = null;
            }}
          >
            <span>{name(unit)}</span>
            <b>{formatValue(value, 3)}</b>
          </div>
        );
      })}
    </div>
  );
}

function Reflowed({ stack, painting, layout, room }: UnitsProps) {
  const { columns, rows } = layout;
  const ref = useRef<HTMLCanvasElement>(null);
  const domain = painting.domainOf(0);
  useLayoutEffect(() => {
    if (!ref.current) return;
    // Cells after the last unit stay transparent.
    const pixels = new Uint32Array(columns * rows);
    pixels.set(channelPixels(stack, 0, domain, painting.map));
    drawPixels(ref.current, pixels, columns, rows);
  }, [stack, domain.low, domain.high, painting.map, columns, rows]);
  const cell = Math.max(
    4,
    Math.min(34, Math.floor(Math.min(room.width / columns, (room.height - 90) / rows))),
  );
  return (
    <>
      <p class="axes-note">
        the same {stack.width} units, {columns} to a row
      </p>
      <canvas
        ref={ref}
        class="plane"
        data-testid="units"
        data-columns={columns}
        style={{ width: `${cell * columns}px`, height: `${cell * rows}px` }}
        onPointerMove={(event) => {
          const { x, y } = cellUnder(event, columns, rows);
          const unit = y * columns + x;
          hover.value =
            unit < stack.width
              ? {
                  stack,
                  channel: 0,
                  y: 0,
                  x: unit,
                  pageX: event.clientX,
                  pageY: event.clientY,
                }
              : null;
        }}
        onPointerLeave={() => {
          hover.value = null;
        }}
      />
    </>
  );
}
