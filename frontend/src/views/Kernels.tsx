import type { Layout } from '../layout';
import type { Painting } from '../painting';
import { selectedChannel } from '../maps_store';
import type { Stack } from '../wire_format';
import type { Size } from './hooks';
import { LazyRow } from './LazyRow';
import { Tile } from './Tile';

const GAP = 2;
const LABEL_WIDTH = 56;
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
  const [outerName, innerName] = stack.header.channel_axes;
  const wide = (room.width - LABEL_WIDTH) / inner - GAP;
  // At least three screen pixels for a weight, and no larger than is easy to compare.
  const least = Math.max(9, 3 * stack.width);
  const most = outerName === 'out' ? KERNEL_WIDTH : MAP_WIDTH;
  const width = Math.floor(Math.max(least, Math.min(most, wide)));
  const height = Math.max(4, Math.round((width * stack.height) / stack.width));
  const perLine = Math.max(1, Math.floor((room.width - LABEL_WIDTH + GAP) / (width + GAP)));
  const rowHeight = Math.ceil(inner / perLine) * (height + GAP) + 2;
  return (
    <div class="kernels">
      <p class="axes-note">
        a row for each <b>{outerName}</b>, a {outerName === 'out' ? 'kernel' : 'map'} for
        each <b>{innerName}</b>
      </p>
      {Array.from({ length: outer }, (_, i) => (
        <KernelRow
          key={i}
          label={`${outerName} ${i}`}
          first={i * inner}
          count={inner}
          rowHeight={rowHeight}
          {...{ stack, painting, width, height }}
        />
      ))}
    </div>
  );
}

function KernelRow(props: {
  label: string;
  first: number;
  count: number;
  rowHeight: number;
  stack: Stack;
  painting: Painting;
  width: number;
  height: number;
}) {
  const { label, first, count, rowHeight, stack, painting, width, height } = props;
  return (
    // Thousands of kernels: rows out of view hold their place and nothing else.
    <LazyRow
      class="kernel-row"
      minHeight={rowHeight}
      label={<span class="label">{label}</span>}
    >
      {() => (
        <div style={{ gap: `${GAP}px` }}>
          {Array.from({ length: count }, (_, i) => {
            const channel = first + i;
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
