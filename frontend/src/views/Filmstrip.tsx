import { useEffect, useLayoutEffect } from 'preact/hooks';
import { goToStep } from '../actions';
import { formatCount } from '../format';
import { blocksAcross, channelLabel, fitWithin, type TileGrid, tileSize } from '../layout';
import { type Painting, paintingOf } from '../painting';
import { isWeightKind, tagSteps } from '../selection';
import { state } from '../state';
import {
  channelOrder,
  filmstrip,
  filmstripColumns,
  selectedChannel,
  stack,
} from '../maps_store';
import { data, tag } from '../store';
import type { Stack, TensorHeader } from '../wire_format';
import type { Size } from './hooks';
import { LazyRow } from './LazyRow';
import { Failure, Waiting } from './Messages';
import { Tile } from './Tile';
import { RowLabel } from './Tiles';

const GAP = 6;
const LABEL_WIDTH = 50;
const KERNEL_LABEL_WIDTH = 84;
const SIDE = 64;
/** Of a digit in a heading, in CSS pixels. */
const DIGIT_WIDTH = 7;

interface Frame {
  step: number;
  /** Undefined where the step has no such sample. */
  stack: Stack | undefined;
  painting: Painting | undefined;
}

/** Channels over steps: a row for each channel, a column for each of some steps. */
export function Filmstrip({ room }: { room: Size }) {
  const { question, answer, loading, error } = filmstrip.value;
  const [one, order] = [stack.value.answer, channelOrder.value];
  const steps = tagSteps(data.value?.series ?? NO_SERIES, tag.value ?? '').steps;
  const header = one?.header;
  const labelWidth = header?.channel_axes.length === 2 ? KERNEL_LABEL_WIDTH : LABEL_WIDTH;
  const longest = formatCount(steps.at(-1) ?? 0).length;
  const heading = DIGIT_WIDTH * longest + 4;
  const place = room.width - labelWidth - GAP;
  const [tile, columns] = header
    ? filmLayout(header, heading, place, steps.length)
    : [{ width: SIDE, height: SIDE }, 0];
  const column = Math.max(tile.width, heading);
  useFilmstripColumns(columns);
  if (error) return <Failure error={error} />;
  if (!question || !answer || !header || !order) return <Waiting />;
  const frames: Frame[] = question.map(({ step }, i) => {
    const frame = answer[i];
    return { step, stack: frame, painting: frame && paintingOf(frame) };
  });
  const here = header.step;
  const grid = {
    gridTemplateColumns: `${labelWidth}px repeat(${frames.length}, ${column}px)`,
    columnGap: `${GAP}px`,
  };
  return (
    <div class={`filmstrip ${loading ? 'stale' : ''}`} data-testid="filmstrip">
      <p class="axes-note">{filmText(frames, steps.length, header.kind)}</p>
      <div class="line head" style={grid}>
        <span />
        {frames.map(({ step }) => (
          <button
            key={step}
            type="button"
            data-testid="film-step"
            aria-current={step === here ? 'step' : undefined}
            aria-label={`Go to step ${formatCount(step)}`}
            onClick={() => goToStep(step)}
          >
            {formatCount(step)}
          </button>
        ))}
      </div>
      {order.channels.map((channel) => (
        <LazyRow
          key={channel}
          class="line"
          style={grid}
          minHeight={tile.height + GAP}
          label={
            <RowLabel channel={channel}>
              {header.channels > 1 && channelLabel(header, channel)}
            </RowLabel>
          }
        >
          {() =>
            frames.map(({ step, stack: frame, painting }) => (
              <span key={step} class={step === here ? 'now-column' : ''}>
                {frame && painting && channel < frame.channels ? (
                  <Tile
                    stack={frame}
                    channel={channel}
                    low={painting.domainOf(channel).low}
                    high={painting.domainOf(channel).high}
                    map={painting.map}
                    width={tile.width}
                    height={tile.height}
                    selected={step === here && channel === selectedChannel.value}
                    bare
                    step={step}
                  />
                ) : (
                  <span class="not-stored" title="Not stored at this step">
                    –
                  </span>
                )}
              </span>
            ))
          }
        </LazyRow>
      ))}
    </div>
  );
}

/** Asks for so many steps, as long as the filmstrip is on the page. */
export function useFilmstripColumns(columns: number): void {
  useLayoutEffect(() => {
    filmstripColumns.value = columns;
  }, [columns]);
  useEffect(
    () => () => {
      filmstripColumns.value = 0;
    },
    [],
  );
}

/** How large a map is, and how many stand side by side: fitted, they fill the width. */
function filmLayout(
  header: TensorHeader,
  heading: number,
  place: number,
  steps: number,
): [TileGrid, number] {
  if (state.size.value !== 'auto') {
    const tile = tileSize(header, state.size.value, { width: place, height: 0 });
    return [tile, blocksAcross(place, Math.max(tile.width, heading), GAP)];
  }
  // A kernel's few values need no more.
  const side = Math.min(SIDE, 12 * Math.max(header.width, header.height));
  const least = Math.max(fitWithin(header, side).width, heading);
  const columns = Math.min(steps, blocksAcross(place, least, GAP));
  const width = Math.min(1.5 * least, Math.floor((place + GAP) / columns) - GAP);
  const aspect = Math.max(1, header.width) / Math.max(1, header.height);
  return [fitWithin(header, Math.max(width, width / aspect)), columns];
}

export const NO_SERIES = {
  steps: [],
  tags: {},
  statistics: null,
  histograms: null,
  records_written: null,
};

/** "12 of 61 steps · sample 3 · each column …". */
export function filmText(frames: readonly Frame[], all: number, kind: string): string {
  const parts = [`${frames.length} of ${formatCount(all)} steps`];
  const of = frames.find((frame) => frame.stack);
  if (of?.stack && !isWeightKind(kind)) parts.push(`sample ${of.stack.index}`);
  const { painting } = of ?? {};
  if (painting?.steady) parts.push('all columns share one range');
  else if (painting?.normalisation === 'map') parts.push('each map spans its own values');
  else parts.push('each column spans its own step');
  if (painting?.normalisation === state.normalisation.value && !painting.steady)
    parts.push('“all steps” shows growth');
  return parts.join(' · ');
}
