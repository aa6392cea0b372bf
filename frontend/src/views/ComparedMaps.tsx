import { signal } from '@preact/signals';
import { selectTile, turn } from '../actions';
import { type Colormap, colormap, defaultColormap } from '../colormaps';
import { compared, reference, versusRun, versusStep } from '../compare_store';
import type { Changes } from '../compare';
import { symmetric } from '../domain';
import { formatValue, plural } from '../format';
import type { Domain } from '../heatmap';
import { channelTitle, TILE_GAP, tileSize } from '../layout';
import { paintingOf } from '../painting';
import { KIND_TITLES } from '../selection';
import { state } from '../state';
import { kind, path, selectedChannel } from '../store';
import { dark } from '../theme';
import type { Stack } from '../wire_format';
import { runTitle } from './colors';
import type { Size } from './hooks';
import { Failure, Note, Waiting } from './Messages';
import { Plane } from './Plane';
import { ScaleBar } from './ScaleBar';

const GROUP_GAP = 2 * TILE_GAP;

/** Where the line of the swipe lies, as a share of a map's width. */
const swipe = signal(0.5);

// So many channels are named as the most changed, come alive or died.
const NAMED = 6;

interface Pair {
  a: Stack;
  b: Stack;
  difference: Stack | undefined;
  /** What A and B share, and what their difference spans. */
  domainOf: (channel: number) => Domain;
  differenceOf: (channel: number) => Domain;
  map: Colormap;
  differenceMap: Colormap;
}

/** The maps of A and B, channel by channel, the most changed first. */
export function ComparedMaps({ room }: { room: Size }) {
  const found = compared.value;
  const { error } = reference.value;
  if (error) return <Failure error={error} />;
  if (!found) return versusStep.value === undefined ? <NoPartner /> : <Waiting />;
  const { a, b, unlike, difference, changes } = found;
  const pair = pairOf(a, b, difference);
  const order = changes?.order ?? Array.from({ length: a.channels }, (_, i) => i);
  return (
    <>
      {unlike && <Note>{unlike}: their maps have no difference.</Note>}
      <div class="changes">
        {changes && <Summary changes={changes} channels={a.channels} />}
        <Legends pair={pair} />
      </div>
      <Groups pair={pair} order={order} changes={changes} room={room} />
    </>
  );
}

/** B has nothing to compare with. */
function NoPartner() {
  const run = versusRun.value?.run;
  return (
    <div class="message" data-testid="no-partner">
      <p>
        <b>
          {run === undefined
            ? 'There is no run to compare with.'
            : `${runTitle(run)} has no maps of ${path.value} · ${KIND_TITLES[kind.value ?? 'activation']}.`}
        </b>
      </p>
      <p>
        Runs are matched by the layers’ paths. Tick another run at the left, or choose
        another layer.
      </p>
    </div>
  );
}

function pairOf(a: Stack, b: Stack, difference: Stack | undefined): Pair {
  const [here, there] = [paintingOf(a), paintingOf(b)];
  const own = (channel: number) => symmetric(rangeOf(difference, [channel]));
  const all = symmetric(rangeOf(difference, difference?.low.keys() ?? []));
  return {
    a,
    b,
    difference,
    domainOf: (channel) => union(here.domainOf(channel), there.domainOf(channel)),
    differenceOf: (channel) => (here.normalisation === 'map' ? own(channel) : all),
    map: here.map,
    differenceMap: colormap(state.signed.value ?? defaultColormap(true, dark.value)),
  };
}

function rangeOf(stack: Stack | undefined, channels: Iterable<number>): Domain {
  const domain = { low: 0, high: 0 };
  for (const channel of channels) {
    domain.low = Math.min(domain.low, stack?.low[channel] ?? 0);
    domain.high = Math.max(domain.high, stack?.high[channel] ?? 0);
  }
  return domain;
}

function union(one: Domain, other: Domain): Domain {
  return { low: Math.min(one.low, other.low), high: Math.max(one.high, other.high) };
}

/** What changed, in words, with the way there. */
function Summary({ changes, channels }: { changes: Changes; channels: number }) {
  const { order, change, born, died } = changes;
  if (channels < 2) return null;
  const moved = order.filter((channel) => change[channel] !== 0);
  return (
    <p data-testid="changes">
      Most changed: <Channels list={moved} />
      {born.length > 0 && (
        <>
          {' '}
          · <b>{plural(born.length, 'channel')}</b> alive in A alone:{' '}
          <Channels list={born} />
        </>
      )}
      {died.length > 0 && (
        <>
          {' '}
          · <b>{plural(died.length, 'channel')}</b> alive in B alone:{' '}
          <Channels list={died} />
        </>
      )}
    </p>
  );
}

function Legends({ pair }: { pair: Pair }) {
  const own = paintingOf(pair.a).normalisation === 'map';
  const both = state.comparison.value === 'side' && pair.difference !== undefined;
  return (
    <span class="legends">
      <Legend of="A, B" domain={pair.domainOf(0)} map={pair.map} own={own} />
      {both && (
        <Legend
          of="A − B"
          domain={pair.differenceOf(0)}
          map={pair.differenceMap}
          own={own}
        />
      )}
    </span>
  );
}

/** What the colours of A and B, or of their difference, span. */
function Legend(props: { of: string; domain: Domain; map: Colormap; own: boolean }) {
  const { of, domain, map, own } = props;
  const [low, high] = own ? ['min', 'max'] : [domain.low, domain.high].map(ended);
  return (
    <span class="legend" data-testid="compare-legend" data-low={low} data-high={high}>
      {of}
      <span class="end">{low}</span>
      <ScaleBar domain={domain} map={map} />
      <span class="end">{high}</span>
      {own && <small>each its own</small>}
    </span>
  );
}

function ended(value: number): string {
  return formatValue(value, 3);
}

function Channels({ list }: { list: readonly number[] }) {
  if (list.length === 0) return <>none</>;
  return (
    <>
      {list.slice(0, NAMED).map((channel, i) => (
        <span key={channel}>
          {i > 0 && ', '}
          <button type="button" class="link" onClick={() => selectTile(channel)}>
            {channel}
          </button>
        </span>
      ))}
      {list.length > NAMED && ' …'}
    </>
  );
}

function Groups(props: {
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
    const groups = Math.max(1, Math.floor((room.width + GROUP_GAP) / least));
    width = Math.floor((room.width - (groups - 1) * GROUP_GAP) / groups / shown) - 2;
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
