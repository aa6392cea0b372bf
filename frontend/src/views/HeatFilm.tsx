import { useEffect, useLayoutEffect } from 'preact/hooks';
import { goToStep } from '../actions';
import { formatCount } from '../format';
import { isFlat } from '../heat_painting';
import { film, filmColumns, filmMethod } from '../heat_store';
import { blocksAcross, fitWithin, tileSize } from '../layout';
import { methodTitle } from '../methods';
import { imagePicture, isImage } from '../overlay';
import { heatmapSteps } from '../selection';
import { state } from '../state';
import { data, sample, step } from '../store';
import { sampleTitle } from './Controls';
import { HeatTile } from './HeatTile';
import type { Size } from './hooks';
import { LazyRow } from './LazyRow';
import { Failure, Waiting } from './Messages';

const GAP = 8;
const LABEL_WIDTH = 124;
const SIDE = 104;
/** A text or a series needs more room than a picture. */
const WIDE_SIDE = 220;
const HEADING_WIDTH = 56;
/** Of a line of words. */
const LEAST_STRIP = 28;

/** Heatmaps over steps: a row for each method, or sample, a column for each of some steps. */
export function HeatFilm({ room }: { room: Size }) {
  const { answer, loading, error } = film.value;
  const place = room.width - LABEL_WIDTH - GAP;
  const first = answer?.rows.flatMap(({ stacks }) => stacks).find(Boolean);
  const flat = !first || isFlat(first.header);
  const input = answer?.rows
    .flatMap(({ inputs }) => inputs)
    .find((one) => one && isImage(one));
  const shape = input
    ? state.size.value === 'one'
      ? imagePicture(input)
      : input
    : (first ?? { height: 1, width: 1 });
  const [height, width] = flat ? [shape.height, shape.width] : [1, 2];
  const least =
    state.size.value === 'auto' || !flat
      ? fitWithin({ height, width }, flat ? SIDE : WIDE_SIDE)
      : tileSize({ channels: 1, height, width }, state.size.value, room);
  const all = data.value ? heatmapSteps(data.value.series).length : 0;
  const cell = Math.max(least.width, HEADING_WIDTH);
  const fit = Math.max(1, Math.min(all, blocksAcross(place, cell, GAP)));
  useLayoutEffect(() => {
    filmColumns.value = fit;
  }, [fit]);
  // Not with each change: without columns there is no answer, and without one no shape.
  useEffect(
    () => () => {
      filmColumns.value = 0;
    },
    [],
  );
  if (error) return <Failure error={error} />;
  if (!answer) return <Waiting />;
  const { rows, steps } = answer;
  // Fitted, they fill the width.
  const share = (place + GAP) / Math.max(1, steps.length) - GAP;
  const across =
    state.size.value === 'auto' ? Math.floor(Math.min(1.7 * cell, share)) : cell;
  const tile =
    state.size.value === 'auto'
      ? fitWithin({ height, width }, across / Math.min(1, width / height))
      : least;
  const style = {
    gridTemplateColumns: `${LABEL_WIDTH}px repeat(${steps.length}, ${Math.max(across, tile.width)}px)`,
    columnGap: `${GAP}px`,
  };
  const here = step.value;
  const byMethod = state.heatmaps.value === 'methods';
  const title = byMethod
    ? `${sampleTitle(sample.value)} (sample ${sample.value})`
    : methodTitle(filmMethod.value ?? '');
  return (
    <div class={`filmstrip heat-film ${loading ? 'stale' : ''}`} data-testid="heat-film">
      <p class="axes-note">
        <b>{title}</b> · {steps.length} of {formatCount(all)} steps ·{' '}
        {state.range.value === 'steps'
          ? 'each method has one range over all steps'
          : 'each heatmap spans its own values; “all steps” shows growth'}
      </p>
      <div class="line head" style={style}>
        <span />
        {steps.map((one) => (
          <button
            key={one}
            type="button"
            data-testid="film-step"
            aria-current={one === here ? 'step' : undefined}
            aria-label={`Go to step ${formatCount(one)}`}
            onClick={() => goToStep(one)}
          >
            {formatCount(one)}
          </button>
        ))}
      </div>
      {rows.map(({ path, at, stacks, inputs }, i) => (
        <LazyRow
          key={`${path} ${at[0]?.index ?? i}`}
          class="line"
          style={style}
          minHeight={(flat ? tile.height : LEAST_STRIP) + GAP}
          label={
            <span class="label">
              {byMethod ? methodTitle(path) : sampleTitle(at[0]?.index ?? 0)}
              {!byMethod && <small>sample {at[0]?.index}</small>}
            </span>
          }
        >
          {() =>
            steps.map((one) => {
              const j = at.findIndex((place) => place.step === one);
              const stack = stacks[j];
              return (
                <span key={one} class={one === here ? 'now-column' : ''}>
                  {stack ? (
                    <HeatTile stack={stack} input={inputs[j]} {...tile} bare />
                  ) : (
                    <span class="not-stored" title="Not stored at this step">
                      –
                    </span>
                  )}
                </span>
              );
            })
          }
        </LazyRow>
      ))}
    </div>
  );
}
