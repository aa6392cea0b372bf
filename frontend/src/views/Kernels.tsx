import { type Layout, mapNoun } from '../layout';
import type { Painting } from '../painting';
import { channelOrder, selectedChannel } from '../maps_store';
import { rowKeys, sortedChannels } from '../order';
import type { Stack } from '../wire_format';
import type { Size } from './hooks';
import { LazyRow } from './LazyRow';
import { Tile } from './Tile';
import { keyText } from './Tiles';

const GAP = 2;
const LABEL_WIDTH = 56;
const SORTED_LABEL_WIDTH = 104;
/** At most, in CSS pixels: of a kernel's few weights, and of a slice of a volume. */
const KERNEL_WIDTH = 44;
const MAP_WIDTH = 96;

interface KernelsProps {
  stack: Stack;
  painting: Painting;
  layout: Extract<Layout, { type: 'kernels' }>;
  room: Size;
}

/** Convolution kernels: a row for each entry of the outer axis, a small map for each of the inner. */
export function Kernels({ stack, painting, layout, room }: KernelsProps) {
  const { outer, inner } = layout;
  const { order, keys: each, channels = [] } = channelOrder.value ?? {};
  const keys = order && rowKeys(order, each, inner);
  const kept = new Set(channels);
  // A row is left out where all of its kernels are; else each keeps its column.
  const keptRows = new Set(channels.map((channel) => Math.floor(channel / inner)));
  const rows = sortedChannels(keys, outer).filter((row) => keptRows.has(row));
  const [outerName, innerName] = stack.header.channel_axes;
  const labelWidth = keys ? SORTED_LABEL_WIDTH : LABEL_WIDTH;
  const wide = (room.width - labelWidth) / inner - GAP;
  // At least three screen pixels for a weight, and no larger than is easy to compare.
  const least = Math.max(9, 3 * stack.width);
  const noun = mapNoun(stack.header);
  const most = noun === 'kernel' ? KERNEL_WIDTH : MAP_WIDTH;
  const width = Math.floor(Math.max(least, Math.min(most, wide)));
  const height = Math.max(4, Math.round((width * stack.height) / stack.width));
  const perLine = Math.max(1, Math.floor((room.width - labelWidth + GAP) / (width + GAP)));
  const rowHeight = Math.ceil(inner / perLine) * (height + GAP) + 2;
  return (
    <div class="kernels">
      <p class="axes-note">
        a row for each <b>{outerName}</b>, a {noun} for each <b>{innerName}</b>
      </p>
      {rows.map((i) => (
        <KernelRow
          key={i}
          label={`${outerName} ${i}`}
          figure={keys && keyText(keys[i], order)}
          first={i * inner}
          count={inner}
          rowHeight={rowHeight}
          {...{ labelWidth, stack, painting, width, height, kept }}
        />
      ))}
    </div>
  );
}

function KernelRow(props: {
  label: string;
  /** The number by which rows are sorted. */
  figure: string | undefined;
  labelWidth: number;
  first: number;
  count: number;
  rowHeight: number;
  stack: Stack;
  painting: Painting;
  width: number;
  height: number;
  /** The kernels that are shown. */
  kept: ReadonlySet<number>;
}) {
  const {
    label,
    figure,
    labelWidth,
    first,
    count,
    rowHeight,
    stack,
    painting,
    width,
    height,
    kept,
  } = props;
  return (
    // Thousands of kernels: rows out of view hold their place and nothing else.
    <LazyRow
      class="kernel-row"
      minHeight={rowHeight}
      label={
        <span class="label" style={{ width: `${labelWidth}px` }}>
          {label} {figure && <small>{figure}</small>}
        </span>
      }
    >
      {() => (
        <div style={{ gap: `${GAP}px` }}>
          {Array.from({ length: count }, (_, i) => {
            const channel = first + i;
            if (!kept.has(channel))
              return <span key={channel} style={{ width: `${width}px` }} />;
            const domain = painting.domainOf(channel);
            return (
              <Tile
                key={channel}
                stack={stack}
                channel={channel}
                low={domain.low}
                high={domain.high}
                map={painting.map}
                width={width}
                height={height}
                selected={channel === selectedChannel.value}
                bare
              />
            );
          })}
        </div>
      )}
    </LazyRow>
  );
}
