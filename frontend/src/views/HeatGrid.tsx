/** Heatmaps at the scrubber's step: a row for each sample, a column for each method. */
import { openLayer } from '../actions';
import { className } from '../flips';
import { formatCount, formatValue } from '../format';
import { isFlat } from '../heat_painting';
import { type grid, type HeatColumn, type Side } from '../heat_store';
import { blocksAcross, fitWithin, LEAST_CELL, tileSize } from '../layout';
import { methodTitle, scoreOf } from '../methods';
import { imagePicture, isImage } from '../overlay';
import { state } from '../state';
import { data, step } from '../store';
import type { Stack } from '../wire_format';
import { runTitle } from './colors';
import { ClassBars } from './ClassBars';
import { InputPicture, sampleTitle } from './Controls';
import { HeatTile, spanWords } from './HeatTile';
import { HeatStrip } from './HeatStrip';
import { openTile } from './HeatTile';
import type { Size } from './hooks';
import { LazyRow } from './LazyRow';

type Grid = NonNullable<(typeof grid)['value']['answer']>;

const GAP = 10;
const BLOCK_GAP = 28;
const BARS_WIDTH = 216;
const CAPTION_HEIGHT = 20;
/** Sides of a tile that fits its line, in CSS pixels. */
const LEAST_SIDE = 64;
const USUAL_SIDE = 130;
const MOST_SIDE = 232;
/** Of a bar, in CSS pixels. */
const BAR_HEIGHT = 16;

export function HeatGrid({ answer, room }: { answer: Grid; room: Size }) {
  const first = answer.columns.flatMap(({ stacks }) => stacks).find(Boolean);
  return first && isFlat(first.header) ? (
    <Pictures answer={answer} room={room} />
  ) : (
    <Lines answer={answer} />
  );
}

function Pictures({ answer, room }: { answer: Grid; room: Size }) {
  const { columns, rows, outputs, sides } = answer;
  const inputs = rows.map((_, row) =>
    columns.map(({ inputs }) => inputs[row]).find(Boolean),
  );
  const hasInput = inputs.some((input) => input && isImage(input));
  const hasBars = outputs.flat().some(Boolean);
  const cells = columns.length + (hasInput ? 1 : 0);
  const barsWidth = hasBars ? sides.length * (BARS_WIDTH + GAP) : 0;
  const shape = shapeOf(columns, inputs);
  const least = barsWidth + cells * (USUAL_SIDE + GAP);
  const across = Math.min(rows.length, blocksAcross(room.width, least, BLOCK_GAP));
  const block = (room.width + BLOCK_GAP) / across - BLOCK_GAP;
  const side = Math.floor((block - barsWidth) / cells - GAP);
  const tile =
    state.size.value === 'auto'
      ? fitWithin(shape, Math.max(LEAST_SIDE, Math.min(MOST_SIDE, side)))
      : tileSize({ ...shape, channels: 1 }, state.size.value, room);
  const cell = Math.max(LEAST_CELL, tile.width);
  const limit = Math.max(3, Math.floor((tile.height + CAPTION_HEIGHT - 16) / BAR_HEIGHT));
  const style = {
    gridTemplateColumns: [
      `repeat(${cells}, ${cell}px)`,
      ...(hasBars ? sides.map(() => `${BARS_WIDTH}px`) : []),
    ].join(' '),
    columnGap: `${GAP}px`,
  };
  const lines = Array.from({ length: Math.ceil(rows.length / across) }, (_, i) =>
    rows.map((_, row) => row).slice(i * across, (i + 1) * across),
  );
  return (
    <div
      class="heat-grid"
      data-testid="heat-grid"
      style={{ '--block-gap': `${BLOCK_GAP}px` }}
    >
      <div class="line head">
        {Array.from({ length: across }, (_, i) => (
          <div key={i} class="block" style={style}>
            {hasInput && <span>Input</span>}
            {columns.map((column) => (
              <ColumnHead key={`${column.path} ${column.side}`} column={column} />
            ))}
            {hasBars &&
              sides.map((one) => (
                <span key={one.name}>
                  Prediction <SideName side={one} />
                </span>
              ))}
          </div>
        ))}
      </div>
      {lines.map((line) => (
        <LazyRow key={line[0]} class="line" minHeight={tile.height + CAPTION_HEIGHT}>
          {() =>
            line.map((row) => (
              <div key={row} class="block" style={style} data-sample={rows[row]}>
                {hasInput && (
                  <InputTile input={inputs[row]} sample={rows[row]} tile={tile} />
                )}
                {columns.map(({ stacks, inputs, path, side }) => (
                  <Cell
                    key={`${path} ${side}`}
                    stack={stacks[row]}
                    input={inputs[row]}
                    {...tile}
                  />
                ))}
                {hasBars && <Bars answer={answer} row={row} limit={limit} />}
              </div>
            ))
          }
        </LazyRow>
      ))}
    </div>
  );
}

/** What the tiles' shape follows: that of the pictures. */
function shapeOf(
  columns: readonly HeatColumn[],
  inputs: readonly (Stack | undefined)[],
): { height: number; width: number } {
  const input = inputs.find((one) => one && isImage(one));
  if (input) {
    // As it is drawn, so that one pixel of the page is one of the picture.
    const { height, width } = state.size.value === 'one' ? imagePicture(input) : input;
    return { height, width };
  }
  const stack = columns.flatMap(({ stacks }) => stacks).find(Boolean);
  return { height: stack?.height ?? 1, width: stack?.width ?? 1 };
}

/** The method, and the layer where the heatmap is made, which a click opens. */
export function ColumnHead({ column }: { column: HeatColumn }) {
  const header = column.stacks.find(Boolean)?.header;
  const site = header?.explanation.site ?? '';
  const layer = column.known.model.layers.find(({ path }) => path === site);
  return (
    <span class="method">
      <b>{methodTitle(column.path)}</b>{' '}
      {column.side && <span class="side-name">{column.side}</span>}
      {site && (
        <small>
          at{' '}
          {layer && column.known.run === data.value?.run ? (
            <button
              type="button"
              class="link"
              title={`Feature maps of ${site}`}
              onClick={() => openLayer(column.known.run, site, step.value ?? 0)}
            >
              {site}
            </button>
          ) : (
            site
          )}
        </small>
      )}
    </span>
  );
}

export function SideName({ side }: { side: Side }) {
  if (!side.name) return null;
  return (
    <small>
      {side.name}: {runTitle(side.known.run)}, step {formatCount(side.step)}
    </small>
  );
}

function InputTile({
  input,
  sample,
  tile,
}: {
  input: Stack | undefined;
  sample: number;
  tile: { width: number; height: number };
}) {
  return (
    <figure class="heat-input" style={{ width: `${tile.width}px` }}>
      <div style={{ height: `${tile.height}px` }}>
        {input && isImage(input) && <InputPicture stack={input} />}
      </div>
      <figcaption>
        <b>{sampleTitle(sample)}</b> sample {sample}
      </figcaption>
    </figure>
  );
}

function Cell(props: {
  stack: Stack | undefined;
  input: Stack | undefined;
  width: number;
  height: number;
}) {
  const { stack, ...rest } = props;
  return stack ? (
    <HeatTile stack={stack} {...rest} />
  ) : (
    <span class="not-stored" title="Not stored at this step">
      –
    </span>
  );
}

/** What each side says of a sample, and the score that is explained. */
function Bars({ answer, row, limit }: { answer: Grid; row: number; limit: number }) {
  const { sides, outputs, rows, columns } = answer;
  return (
    <>
      {sides.map((side, i) => {
        const output = outputs[i][row];
        const own = columns.filter((column) => column.side === side.name);
        const targets = targetsOf(own, rows[row]);
        return (
          <div key={side.name} class="heat-bars">
            {output && (
              <ClassBars
                known={side.known}
                output={output}
                sample={rows[row]}
                targets={targets}
                limit={limit}
              />
            )}
          </div>
        );
      })}
    </>
  );
}

/** The classes that are explained of a sample. */
function targetsOf(columns: readonly HeatColumn[], sample: number): number[] {
  const found = columns.flatMap(
    ({ stacks }) => stacks.find(Boolean)?.header.explanation.targets[sample] ?? [],
  );
  return [...new Set(found)];
}

/** "score of 7: 4.2" of a heatmap; empty where nothing is scored. */
export function scoreWords({ header, index }: Stack): string {
  const { explanation } = header;
  const score = scoreOf(explanation, index);
  if (Number.isNaN(score) && explanation.scores.length === 0) return '';
  const probe = data.value?.model.probe;
  const target = explanation.targets[index];
  const of =
    target === undefined
      ? ''
      : ` of ${className({ labels: [], class_names: probe?.class_names ?? [] }, target)}`;
  return `score${of}: ${formatValue(score, 3)}`;
}

/** Heatmaps along one axis: below each other, for the eye to go down a place. */
function Lines({ answer }: { answer: Grid }) {
  const { columns, rows, outputs } = answer;
  const hasBars = outputs.flat().some(Boolean);
  return (
    <div class={`heat-lines ${hasBars ? 'with-bars' : ''}`} data-testid="heat-grid">
      {rows.map((sample, row) => (
        <LazyRow
          key={sample}
          class="heat-sample"
          minHeight={60 + 60 * columns.length}
          label={
            <h2>
              Sample {sample}
              <span>{sampleTitle(sample)}</span>
            </h2>
          }
        >
          {() => (
            <>
              <div class="heat-strips">
                {columns.map((column) => {
                  const stack = column.stacks[row];
                  return (
                    <div key={`${column.path} ${column.side}`} class="heat-strip">
                      <button
                        type="button"
                        class="strip-name"
                        data-testid="heat-tile"
                        disabled={!stack}
                        title="Shows it in the details"
                        onClick={() => stack && openTile(stack)}
                      >
                        <b>{methodTitle(column.path)}</b> {column.side}
                        <small>{stack && spanWords(stack, column.inputs[row])}</small>
                      </button>
                      {stack ? (
                        <HeatStrip stack={stack} input={column.inputs[row]} />
                      ) : (
                        <span class="not-stored">not stored</span>
                      )}
                    </div>
                  );
                })}
              </div>
              {hasBars && <Bars answer={answer} row={row} limit={8} />}
            </>
          )}
        </LazyRow>
      ))}
    </div>
  );
}
