import { useLayoutEffect } from 'preact/hooks';
import { selectTile } from '../actions';
import { formatValue } from '../format';
import { CAPTION_WIDTH, LEAST_CELL, TILE_GAP, tileSize } from '../layout';
import { filterOf, type RgbChannels, rgbPixels, rgbReach } from '../rgb';
import { state } from '../state';
import { selectedChannel } from '../maps_store';
import type { Stack } from '../wire_format';
import { type Size, useVisible } from './hooks';
import { cellUnder, hover } from './hover';
import { cssLength, drawPixels } from './Plane';

/** Kernels of three inputs, a colour picture for each filter. */
export function RgbKernels({
  stack,
  filters,
  room,
}: {
  stack: Stack;
  filters: readonly RgbChannels[];
  room: Size;
}) {
  const { height, width } = stack;
  const tile = tileSize(
    { channels: filters.length, height, width },
    state.size.value,
    room,
  );
  const selected = selectedChannel.value;
  const chosen = selected === null ? -1 : filterOf(filters, selected);
  return (
    <div class="kernels">
      <p class="axes-note">
        a picture for each <b>out</b>: red, green and blue are <b>in</b> 0, 1 and 2. 0 is
        grey; each picture spans ± its own largest value.
      </p>
      <div
        class="tiles"
        style={{
          gridTemplateColumns: `repeat(auto-fill, ${Math.max(LEAST_CELL, tile.width)}px)`,
          columnGap: `${TILE_GAP}px`,
        }}
      >
        {filters.map((channels, filter) => {
          const reach = `± ${formatValue(rgbReach(stack, channels), 2)}`;
          const isChosen = filter === chosen;
          return (
            <button
              key={filter}
              type="button"
              class={`tile ${isChosen ? 'selected' : ''} ${tile.width < CAPTION_WIDTH ? 'bare' : ''}`}
              aria-pressed={isChosen}
              aria-label={`out ${filter}, ${reach}`}
              style={{ width: `${tile.width}px` }}
              onClick={() => selectTile(isChosen ? (selected ?? channels[0]) : channels[0])}
            >
              <RgbPlane {...{ stack, channels, filter }} {...tile} />
              {tile.width >= CAPTION_WIDTH && (
                <span class="caption">
                  <span>{filter}</span>
                  <span>{reach}</span>
                </span>
              )}
            </button>
          );
        })}
      </div>
    </div>
  );
}

/** One filter on a canvas of its own size, painted only while it is in view. */
export function RgbPlane(props: {
  stack: Stack;
  channels: RgbChannels;
  filter: number;
  width: number | string;
  height: number | string;
}) {
  const { stack, channels, filter, width, height } = props;
  const [ref, visible] = useVisible<HTMLCanvasElement>();
  useLayoutEffect(() => {
    if (!visible || !ref.current) return;
    drawPixels(ref.current, rgbPixels(stack, channels), stack.width, stack.height);
    Object.assign(ref.current.dataset, {
      kind: stack.header.kind,
      path: stack.header.path,
      step: stack.header.step,
    });
  }, [visible, stack, channels[0], channels[1]]);
  return (
    <canvas
      ref={ref}
      class="plane"
      data-testid="rgb-tile"
      data-filter={filter}
      style={{ width: cssLength(width), height: cssLength(height) }}
      onPointerMove={(event) => {
        hover.value = {
          stack,
          channel: channels[0],
          filter: { index: filter, channels },
          ...cellUnder(event, stack.width, stack.height),
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
