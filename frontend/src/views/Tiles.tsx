/** The channels of one step as tiles: of one sample, or of several side by side. */
import type { ComponentChildren } from 'preact';
import { formatShare, formatValue } from '../format';
import { summarize } from '../heatmap';
import {
  blocksAcross,
  CAPTION_WIDTH,
  channelLabel,
  fitWithin,
  LEAST_CELL,
  TILE_GAP,
  tileSize,
} from '../layout';
import type { Order } from '../order';
import type { Painting } from '../painting';
import { state } from '../state';
import {
  channelOrder,
  inputs,
  maps,
  selectedChannel,
  shownStacks,
  stack,
} from '../maps_store';
import { path, sample } from '../store';
import type { Stack } from '../wire_format';
import { InputPicture, isPicture, sampleTitle } from './Controls';
import type { Size } from './hooks';
import { LazyRow } from './LazyRow';
import { Plane } from './Plane';
import { Tile } from './Tile';

/** Of a tile, in CSS pixels, as the style sheet has it. */
const CAPTION_HEIGHT = 18;

interface TilesProps {
  painting: Painting;
  room: Size;
}

export function Tiles({ painting, room }: TilesProps) {
  const [one, order] = [stack.value.answer, channelOrder.value];
  if (!one || !order) return null;
  const tile = tileSize(one.header, state.size.value, room);
  const cell = Math.max(LEAST_CELL, tile.width);
  const across = blocksAcross(room.width, cell, TILE_GAP);
  const bare = tile.width < CAPTION_WIDTH;
  const line = {
    gridTemplateColumns: `repeat(${across}, ${cell}px)`,
    columnGap: `${TILE_GAP}px`,
  };
  return (
    <div
      class="tiles"
      // So that a reader of the page's structure, or a test, knows what a tile is of.
      data-kind={one.header.kind}
      data-path={path.value}
    >
      {linesOf(order.channels, across).map((channels, i) => (
        <LazyRow
          key={i}
          class="line"
          style={line}
          minHeight={tile.height + (bare ? 0 : CAPTION_HEIGHT)}
        >
          {() =>
            channels.map((channel) => {
              const domain = painting.domainOf(channel);
              return (
                <Tile
                  key={channel}
                  stack={one}
                  channel={channel}
                  low={domain.low}
                  high={domain.high}
                  map={painting.map}
                  width={tile.width}
                  height={tile.height}
                  selected={channel === selectedChannel.value}
                  bare={bare}
                  figure={figureOf(channel)}
                />
              );
            })
          }
        </LazyRow>
      ))}
      {one.channels === 0 && (
        <p class="message">This tensor is empty: {formatValue(0)} channels.</p>
      )}
    </div>
  );
}

function linesOf(channels: readonly number[], across: number): number[][] {
  return Array.from({ length: Math.ceil(channels.length / across) }, (_, i) =>
    channels.slice(i * across, (i + 1) * across),
  );
}

/** What a row of maps is of, and the number by which it is sorted, or that it is dead. */
export function RowLabel(props: { channel: number; children: ComponentChildren }) {
  const { channel, children } = props;
  const stacks = shownStacks.value;
  const isDead = stacks.every((stack) => summarize(stack, channel).dead);
  const figure = figureOf(channel);
  const isActivation = stacks[0]?.header.kind === 'activation';
  return (
    <span class={`label ${channel === selectedChannel.value ? 'on' : ''}`}>
      {children}
      {isDead && isActivation ? (
        <small class="bad">dead</small>
      ) : (
        figure && <small>{figure}</small>
      )}
    </span>
  );
}

/** The number by which a channel is sorted, as its caption has it. */
function figureOf(channel: number): string | undefined {
  const { keys, order } = channelOrder.value ?? {};
  if (!keys) return undefined;
  return keyText(keys[channel], order);
}

/** A number by which maps are sorted, with what it is. */
export function keyText(key: number, order: Order | undefined): string {
  if (order === 'mean') return formatValue(key, 3);
  if (order === 'zeros') return `0: ${formatShare(key)}`;
  return order === 'max' ? `≤ ${formatValue(key, 3)}` : `Δ ${formatValue(key, 2)}`;
}

const LABEL_WIDTH = 50;
const GAP = 4;
const BLOCK_GAP = 22;
/** Sides of a tile where samples stand side by side: it fits the line, within these. */
const LEAST_SIDE = 40;
const MOST_SIDE = 96;
const MOST_SIDE_ALONE = 300;

/**
 * A row for each channel, a column for each sample under its picture. Where the samples
 * are few, rows stand side by side.
 */
export function SampleTiles({ painting, room }: TilesProps) {
  const [answer, one, order] = [maps.value.answer, stack.value.answer, channelOrder.value];
  if (!answer || !one || !order) return null;
  const { shown, stacks } = answer;
  const most = one.channels > 1 ? MOST_SIDE : MOST_SIDE_ALONE;
  const usual = LABEL_WIDTH + shown.length * (most + GAP);
  const line = (room.width + BLOCK_GAP) / blocksAcross(room.width, usual, BLOCK_GAP);
  const side = (line - BLOCK_GAP - LABEL_WIDTH) / shown.length - GAP;
  const fit = Math.floor(Math.max(LEAST_SIDE, Math.min(1.6 * most, side)));
  const tile =
    state.size.value === 'auto' || one.channels === 1
      ? fitWithin(one, fit)
      : tileSize(one.header, state.size.value, room);
  const cell = Math.max(LEAST_CELL, tile.width);
  const block = LABEL_WIDTH + shown.length * (cell + GAP);
  const across = Math.min(
    order.channels.length || 1,
    blocksAcross(room.width, block, BLOCK_GAP),
  );
  const blockStyle = {
    gridTemplateColumns: `${LABEL_WIDTH}px repeat(${shown.length}, ${cell}px)`,
    columnGap: `${GAP}px`,
  };
  return (
    <div
      class="sample-tiles"
      data-kind={one.header.kind}
      data-path={path.value}
      style={{ '--block-gap': `${BLOCK_GAP}px`, width: 'max-content' }}
    >
      <div class="line head">
        {Array.from({ length: across }, (_, i) => (
          <div key={i} class="block" style={blockStyle}>
            <span />
            {shown.map(({ index }) => (
              <SampleHead key={index} index={index} />
            ))}
          </div>
        ))}
      </div>
      {linesOf(order.channels, across).map((channels) => (
        <LazyRow key={channels[0]} class="line" minHeight={tile.height}>
          {() =>
            channels.map((channel) => (
              <div key={channel} class="block" style={blockStyle}>
                <RowLabel channel={channel}>
                  {one.channels > 1 && channelLabel(one.header, channel)}
                </RowLabel>
                {stacks.map((stack, i) =>
                  stack ? (
                    <SampleTile
                      key={shown[i].index}
                      {...{ stack, channel, painting }}
                      {...tile}
                    />
                  ) : (
                    <span key={shown[i].index} class="not-stored" title="Not stored">
                      –
                    </span>
                  ),
                )}
              </div>
            ))
          }
        </LazyRow>
      ))}
    </div>
  );
}

function SampleTile(props: {
  stack: Stack;
  channel: number;
  painting: Painting;
  width: number;
  height: number;
}) {
  const { stack, channel, painting, width, height } = props;
  const domain = painting.domainOf(channel, stack);
  return (
    <Tile
      {...{ stack, channel, width, height }}
      low={domain.low}
      high={domain.high}
      map={painting.map}
      selected={channel === selectedChannel.value && stack.index === sample.value}
      bare
      sample={stack.index}
    />
  );
}

/** Vectors of units: a strip for each sample. */
export function SampleStrips({ painting, room }: TilesProps) {
  const answer = maps.value.answer;
  if (!answer) return null;
  return (
    <div class="sample-strips">
      {answer.shown.map(({ index }, i) => {
        const stack = answer.stacks[i];
        return (
          <div key={index}>
            <SampleHead index={index} />
            {stack ? (
              <Plane
                stack={stack}
                channel={0}
                domain={painting.domainOf(0, stack)}
                map={painting.map}
                testId="tile"
                width={Math.min(room.width - STRIP_LABEL_WIDTH, 40 * stack.width)}
                height={28}
              />
            ) : (
              <span class="not-stored">not stored</span>
            )}
          </div>
        );
      })}
    </div>
  );
}

const STRIP_LABEL_WIDTH = 64;

function SampleHead({ index }: { index: number }) {
  const input = inputs.value.answer?.[index];
  return (
    <span
      class={`sample-head ${index === sample.value ? 'on' : ''}`}
      data-testid="sample-head"
      title={`Sample ${index}`}
    >
      {input && isPicture(input) && <InputPicture stack={input} />}
      <span>{sampleTitle(index)}</span>
    </span>
  );
}
