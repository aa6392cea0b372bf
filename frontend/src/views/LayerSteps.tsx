import { signal } from '@preact/signals';
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { openLayer, selectLayer } from '../actions';
import { formatPlace } from '../alignment';
import type { Colormap } from '../colormaps';
import { formatCount, formatValue, plural } from '../format';
import type { Domain } from '../heatmap';
import {
  cellUnder,
  type Columns,
  matrixPixels,
  pixelColumns,
  type Scale,
  STATISTIC_TITLES,
} from '../overview';
import {
  difference,
  paintedScale,
  type RunMatrix,
  scale,
  shownMatrices,
  span,
  statistic,
  tensorKind,
} from '../overview_store';
import { placeNow } from '../shown_runs';
import { state } from '../state';
import { layer } from '../store';
import { colorOfRun, runTitle } from './colors';
import { Floating } from './Floating';
import { useSize } from './hooks';
import { drawPixels } from './Plane';

/** One row of pixels: a tensor of a run. */
interface Line {
  matrix: RunMatrix;
  row: number;
}

/** Lines under one heading. */
interface Block {
  title: string;
  color: string | undefined;
  lines: Line[];
}

interface Pointed {
  line: Line;
  /** The step, as an index of the run's table. */
  i: number;
  pageX: number;
  pageY: number;
}

const pointed = signal<Pointed | null>(null);

/** The matrices on the page: layers down, steps across. */
export function LayerSteps({ domain, map }: { domain: Domain; map: Colormap }) {
  const blocks = blocksOf(shownMatrices.value);
  const lines = Math.max(...blocks.map(({ lines }) => lines.length));
  const longest = Math.max(...blocks.flatMap(({ lines }) => lines.map(labelLength)));
  return (
    <div
      class="layer-steps"
      // Of one width in all blocks, so that steps lie under each other.
      style={{ '--row': rowHeight(lines), '--names': `${longest + 3}ch` }}
    >
      {blocks.map((block) => (
        <BlockOfLines key={block.title} block={block} domain={domain} map={map} />
      ))}
      <ReadOut />
    </div>
  );
}

/** High rows where there are few, thin ones that still have a name where there are many. */
function rowHeight(lines: number): string {
  const least = lines <= 16 ? 18 : lines <= 60 ? 15 : 12;
  return `clamp(${least}px, 1.2vh, ${1.4 * least}px)`;
}

function blocksOf(matrices: readonly RunMatrix[]): Block[] {
  const linesOf = (matrix: RunMatrix) => matrix.rows.map((_, row) => ({ matrix, row }));
  if (state.matrix.value === 'layers' && matrices.length > 1) {
    const all = matrices.flatMap(linesOf);
    const labels = [...new Set(all.map(labelOf))];
    const lines = labels.flatMap((label) => all.filter((line) => labelOf(line) === label));
    return [{ title: '', color: undefined, lines }];
  }
  return matrices.map((matrix) => {
    const { run } = matrix.run;
    const other = difference.value?.other.run.run;
    const title =
      other === undefined ? runTitle(run) : `${runTitle(run)} − ${runTitle(other)}`;
    return { title, color: colorOfRun(run), lines: linesOf(matrix) };
  });
}

function labelOf({ matrix, row }: Line): string {
  return matrix.rows[row].label;
}

function labelLength(line: Line): number {
  return labelOf(line).length;
}

function BlockOfLines(props: { block: Block; domain: Domain; map: Colormap }) {
  const { block, domain, map } = props;
  const { lines, title, color } = block;
  const [ref, { width: wide }] = useSize<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = Math.floor(wide);
  const reach = span.value;
  const by = paintedScale.value;
  const columns = useMemo(
    () => (width > 0 && reach ? columnsOf(lines, reach, width) : undefined),
    [shownMatrices.value, reach, width],
  );
  useLayoutEffect(() => {
    if (!canvas.current || !columns) return;
    const pixels = linePixels(lines, columns, width, by, domain, map);
    drawPixels(canvas.current, pixels, width, lines.length);
  }, [shownMatrices.value, columns, by, domain.low, domain.high, map]);
  const under = (event: MouseEvent): Pointed | null => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const line = lines[Math.floor(((event.clientY - box.top) / box.height) * lines.length)];
    const i = line && columns ? stepUnder(line, event.clientX - box.left, columns) : -1;
    return i < 0 ? null : { line, i, pageX: event.clientX, pageY: event.clientY };
  };
  const now = placeNow.value;
  return (
    <section class="block" data-testid="matrix" data-run={lines[0]?.matrix.run.run}>
      {title && (
        <h3>
          <i class="square" style={{ background: color }} />
          {title}
        </h3>
      )}
      <div class="lines">
        <Names lines={lines} grouped={!title} />
        <div
          ref={ref}
          class="steps"
          onPointerMove={(event) => {
            pointed.value = under(event);
          }}
          onPointerLeave={() => {
            pointed.value = null;
          }}
          onClick={(event) => {
            const at = under(event);
            if (at) open(at);
          }}
        >
          <canvas
            ref={canvas}
            data-testid="matrix-canvas"
            data-statistic={statistic.value}
            role="img"
            aria-label={`${STATISTIC_TITLES[statistic.value] ?? statistic.value} of ${plural(lines.length, 'tensor')} over steps; the table below has the numbers`}
          />
          {reach && now !== undefined && (
            <i
              class="now"
              style={{ left: `${(100 * (now - reach[0])) / (reach[1] - reach[0])}%` }}
            />
          )}
        </div>
      </div>
    </section>
  );
}

/** Columns by run: runs have records of their own. */
type ColumnsByRun = Map<RunMatrix, Columns>;

function columnsOf(
  lines: readonly Line[],
  [low, high]: readonly [number, number],
  width: number,
): ColumnsByRun {
  const found: ColumnsByRun = new Map();
  for (const { matrix } of lines) {
    if (!found.has(matrix)) {
      found.set(matrix, pixelColumns(matrix.places, { low, high }, width));
    }
  }
  return found;
}

function linePixels(
  lines: readonly Line[],
  columns: ColumnsByRun,
  width: number,
  by: Scale,
  domain: Domain,
  map: Colormap,
): Uint32Array {
  const ofRun = new Map(
    [...columns].map(([matrix, under]) => [
      matrix,
      matrixPixels(matrix.cells, under, by, domain, map),
    ]),
  );
  const pixels = new Uint32Array(width * lines.length);
  for (const [i, { matrix, row }] of lines.entries()) {
    const own = ofRun.get(matrix);
    if (own) pixels.set(own.subarray(row * width, (row + 1) * width), i * width);
  }
  return pixels;
}

/** The step (an index of the run's table) under a place of a line; −1 of none. */
function stepUnder({ matrix, row }: Line, place: number, columns: ColumnsByRun): number {
  const [x, under] = [Math.floor(place), columns.get(matrix)];
  if (!under || x < 0 || x >= under.first.length) return -1;
  const at = cellUnder(matrix.cells, row, under.first[x], under.last[x]);
  return at < 0 ? -1 : at % matrix.cells.steps;
}

function open({ line: { matrix, row }, i }: Pointed): void {
  pointed.value = null;
  const { run, statistics } = matrix.run;
  openLayer(run, matrix.rows[row].layer, statistics.steps[i], tensorKind.value);
}

function Names({ lines, grouped }: { lines: Line[]; grouped: boolean }) {
  const current = layer.value?.path;
  return (
    <ul class="names">
      {lines.map((line, i) => {
        const { label, layer } = line.matrix.rows[line.row];
        const repeated = grouped && i > 0 && labelOf(lines[i - 1]) === label;
        const { run } = line.matrix.run;
        return (
          <li key={`${run} ${label}`}>
            <button
              type="button"
              title={grouped ? `${label} · ${runTitle(run)}` : label}
              aria-pressed={layer === current}
              data-testid="matrix-name"
              onClick={() => selectLayer(layer)}
            >
              {!repeated && <bdi>{label}</bdi>}
            </button>
            {grouped && <i class="square" style={{ background: colorOfRun(run) }} />}
          </li>
        );
      })}
    </ul>
  );
}

function ReadOut() {
  const at = pointed.value;
  if (!at) return null;
  const { matrix, row } = at.line;
  const { cells, run, places } = matrix;
  const value = cells.values[row * cells.steps + at.i];
  const { align } = state;
  return (
    <Floating pageX={at.pageX} pageY={at.pageY}>
      <b>
        {STATISTIC_TITLES[statistic.value] ?? statistic.value} {valueText(value)}
      </b>
      {cells.broken[row * cells.steps + at.i] === 1 && (
        <span class="bad">without its NaN and ±Inf</span>
      )}
      <span>{matrix.rows[row].label}</span>
      <span>
        step {formatCount(run.statistics.steps[at.i])}
        {align.value !== 'step' && ` · ${formatPlace(places[at.i], align.value)}`}
      </span>
      <span>{runTitle(run.run)}</span>
    </Floating>
  );
}

/** A value of the matrix; of a difference of a logarithmic statistic, the ratio. */
function valueText(value: number): string {
  if (Number.isNaN(value)) return 'not known';
  if (!difference.value) return formatValue(value);
  if (scale.value !== 'log') return `A − B = ${formatValue(value)}`;
  return `A ÷ B = ${formatValue(10 ** value, 3)}`;
}
