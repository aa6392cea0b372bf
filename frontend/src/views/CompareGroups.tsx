import { signal } from '@preact/signals';
import { selectTile, turn } from '../actions';
import type { Colormap } from '../colormaps';
import type { Changes } from '../compare';
import { formatValue } from '../format';
import type { Domain } from '../heatmap';
import { channelTitle, TILE_GAP, tileSize } from '../layout';
import type { Pair } from '../pair_painting';
import { state } from '../state';
import { selectedChannel } from '../maps_store';
import type { Stack } from '../wire_format';
import type { Size } from './hooks';
import { Plane } from './Plane';

const GROUP_GAP = 2 * TILE_GAP;

/** Where the line of the swipe lies, as a share of a map's width. */
const swipe = signal(0.5);

/** Each channel as a group: its maps next to each other, or over each other. */
export function Groups(props: {
  pair: Pair;
  order: readonly number[];
  changes: Changes | undefined;
  room: Size;
}) {
  const { pair, order, changes, room } = props;
  const side = state.comparison.value === 'side';
  const shown = side ? (pair.difference ? 3 : 2) : 1;
  const size = groupTile(pair.a, shown, room);
  const strip = isStrip(pair.a);
  const width = strip ? size.width : shown * size.width + (shown - 1) * 2;
  return (
    <div
      class={`groups by-${state.comparison.value}`}
      data-testid="compared"
      style={{
        gridTemplateColumns: `repeat(auto-fill, ${width}px)`,
        columnGap: `${GROUP_GAP}px`,
        '--swipe': `${100 * swipe.value}%`,
      }}
      onPointerMove={(event) => {
        if (state.comparison.value === 'swipe') moveSwipe(event);
      }}
    >
      {order.map((channel) => (
        <figure
          key={channel}
          class={`group ${channel === selectedChannel.value ? 'selected' : ''}`}
          data-testid="group"
          data-channel={channel}
        >
          <div class={`planes ${strip ? 'strip' : ''}`}>
            <Planes pair={pair} channel={channel} size={size} />
          </div>
          <Caption
            title={channelTitle(pair.a.header, channel)}
            channel={channel}
            changes={changes}
            side={side && shown === 3}
          />
        </figure>
      ))}
    </div>
  );
}

// Tiles of a group, in CSS pixels: at least, where groups fill the width; of a vector.
const LEAST_SIDE = 76;
const STRIP_HEIGHT = 28;
const LARGEST_SIDE = 220;
const CAPTION_HEIGHT = 32;
// What stands above the groups.
const HEAD_HEIGHT = 60;

/** How large each of a group's maps is: as chosen, or so that groups fill the width. */
function groupTile(stack: Stack, shown: number, room: Size): Size {
  const aspect = stack.width / Math.max(1, stack.height);
  const widest = Math.floor(room.width / shown) - GROUP_GAP;
  if (stack.channels === 1) {
    if (isStrip(stack)) return { width: room.width - GROUP_GAP, height: STRIP_HEIGHT };
    const width = Math.floor(Math.min(widest, Math.max(120, room.height - 80) * aspect));
    return { width, height: width / aspect };
  }
  let { width } = tileSize(stack, state.size.value, room);
  if (state.size.value === 'auto') {
    const least = shown * LEAST_SIDE + GROUP_GAP;
    const most = Math.max(1, Math.floor((room.width + GROUP_GAP) / least));
    // The fewest side by side, which are the largest, of which all fit.
    for (let groups = 1; groups <= most; groups++) {
      width = Math.floor((room.width - (groups - 1) * GROUP_GAP) / groups / shown) - 2;
      const rows = Math.ceil(stack.channels / groups);
      const fits = rows * (width / aspect + CAPTION_HEIGHT) <= room.height - HEAD_HEIGHT;
      if (width <= LARGEST_SIDE && fits) break;
    }
  }
  width = Math.min(width, widest);
  return { width, height: Math.max(12, width / aspect) };
}

/** A vector: A, B and their difference lie under each other, unit under unit. */
function isStrip({ channels, height }: Stack): boolean {
  return channels === 1 && height === 1;
}

/** The line follows the pointer over any of the maps. */
function moveSwipe(event: PointerEvent): void {
  const canvas = (event.target as Element).closest('canvas');
  if (!canvas) return;
  const box = canvas.getBoundingClientRect();
  swipe.value = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
}

function Planes({ pair, channel, size }: { pair: Pair; channel: number; size: Size }) {
  const { a, b, difference } = pair;
  const plane = (stack: Stack, side: string, domain: Domain, map: Colormap) => (
    <Plane
      key={side}
      stack={stack}
      channel={channel}
      domain={domain}
      map={map}
      testId={`plane-${side}`}
      class={side}
      width={size.width}
      height={size.height}
    />
  );
  const domain = pair.domainOf(channel);
  const first = plane(a, 'a', domain, pair.map);
  const second = channel < b.channels && plane(b, 'b', domain, pair.map);
  switch (state.comparison.value) {
    case 'side':
      return (
        <>
          {first}
          {second}
          {difference &&
            plane(difference, 'difference', pair.differenceOf(channel), pair.differenceMap)}
        </>
      );
    case 'swipe':
      return (
        <>
          {second}
          {first}
          <i class="swipe-line" />
        </>
      );
    case 'flicker':
      return <>{turn.value === 'a' ? first : second}</>;
  }
}

function Caption(props: {
  title: string;
  channel: number;
  changes: Changes | undefined;
  side: boolean;
}) {
  const { title, channel, changes, side } = props;
  const change = changes?.change[channel];
  return (
    <figcaption>
      <button
        type="button"
        aria-pressed={channel === selectedChannel.value}
        aria-label={`${title}, mean change ${formatValue(change ?? Number.NaN, 3)}`}
        onClick={() => selectTile(channel)}
      >
        {title.replace('Channel ', '')}
      </button>
      {side && <small>A · B · A−B</small>}
      <span title="Mean of |A − B|">
        {change !== undefined && (change === 0 ? 'same' : `Δ ${formatValue(change, 2)}`)}
        {changes?.born.includes(channel) && <b class="warn"> alive in A</b>}
        {changes?.died.includes(channel) && <b class="bad"> alive in B</b>}
      </span>
    </figcaption>
  );
}
