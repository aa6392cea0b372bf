import { memo } from './memo';
import { selectTile } from '../actions';
import type { Colormap } from '../colormaps';
import { formatCount, formatValue } from '../format';
import { summarize } from '../heatmap';
import { channelLabel, channelTitle } from '../layout';
import { areShares, isAttention } from '../attention';
import { choosePointedQuery, QueryMark } from './Attention';
import type { Stack } from '../wire_format';
import { Plane } from './Plane';

interface TileProps {
  stack: Stack;
  channel: number;
  low: number;
  high: number;
  map: Colormap;
  width: number;
  height: number;
  selected: boolean;
  /** Without its caption, where tiles are too small for one. */
  bare?: boolean;
  /** In place of the mean: the number by which tiles are sorted. */
  figure?: string | undefined;
  /** Where it is one of several: a click goes there. */
  sample?: number;
  step?: number;
}

/** A feature map with its channel and a number; a click shows it in the details. */
export const Tile = memo(function Tile({
  stack,
  channel,
  low,
  high,
  map,
  width,
  height,
  selected,
  bare,
  figure,
  sample,
  step,
}: TileProps) {
  const caption = bare ? undefined : captionOf(stack, channel, figure);
  const label = [
    channelTitle(stack.header, channel),
    sample !== undefined && `sample ${sample}`,
    step !== undefined && `step ${formatCount(step)}`,
    caption?.long,
  ];
  return (
    <button
      type="button"
      class={`tile ${selected ? 'selected' : ''} ${bare ? 'bare' : ''}`}
      aria-pressed={selected}
      style={{ width: `${width}px` }}
      onClick={() => {
        // Another query of the head in the details leaves it there.
        if (choosePointedQuery() && selected) return;
        selectTile(channel, {
          ...(sample !== undefined && { sample }),
          ...(step !== undefined && { step }),
        });
      }}
    >
      <Plane
        stack={stack}
        channel={channel}
        domain={{ low, high }}
        map={map}
        testId="tile"
        width={width}
        height={height}
      />
      {isAttention(stack.header) && <QueryMark rows={stack.height} height={height} />}
      <span class="unseen">{label.filter(Boolean).join(', ')}</span>
      {caption && (
        <span class="caption">
          <span>{channelLabel(stack.header, channel)}</span>
          <span class={caption.level}>{caption.short}</span>
        </span>
      )}
    </button>
  );
});

function captionOf(stack: Stack, channel: number, figure: string | undefined) {
  const summary = summarize(stack, channel);
  if (summary.nan > 0) return { short: 'NaN', long: 'holds NaN', level: 'bad' };
  if (summary.positiveInf + summary.negativeInf > 0) {
    return { short: 'Inf', long: 'holds infinity', level: 'bad' };
  }
  if (summary.dead) {
    // Only an activation that is 0 everywhere is a sign of death.
    return stack.header.kind === 'activation'
      ? { short: 'dead', long: 'dead: 0 everywhere', level: 'bad' }
      : { short: 'all 0', long: '0 everywhere', level: 'warn' };
  }
  if (summary.constant && stack.height * stack.width > 1) {
    return {
      short: 'constant',
      long: `constant: ${formatValue(summary.mean)}`,
      level: 'warn',
    };
  }
  if (figure !== undefined) return { short: figure, long: figure, level: '' };
  if (areShares(stack.header)) {
    // Their mean is the same in each head: one by the number of keys.
    const greatest = `≤ ${formatValue(summary.max, 3)}`;
    return { short: greatest, long: `greatest ${formatValue(summary.max, 3)}`, level: '' };
  }
  const mean = formatValue(summary.mean, 3);
  return { short: mean, long: `mean ${mean}`, level: '' };
}
