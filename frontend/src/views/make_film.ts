/** The maps of the page over steps as an animated GIF. */
import { differenceStack, mismatch } from '../compare';
import { type FilmLayout, filmFrame, filmLayout, levelled, type Pane } from '../film';
import { formatCount, formatValue } from '../format';
import type { Domain } from '../heatmap';
import { channelTitle, type TileGrid } from '../layout';
import { hexToPixel } from '../colormaps';
import { pairOf } from '../pair_painting';
import { paintingOf } from '../painting';
import { isWeightKind } from '../selection';
import { loadStacks, type StackAt, stackKey } from '../stacks';
import type { Stack } from '../wire_format';
import { runTitle } from './colors';

/** Samples asked for at once. */
const SAMPLES_ASKED = 16;

export interface Film {
  /** By step, in their order: the samples that are shown, or A and B. */
  frames: readonly (readonly StackAt[])[];
  /** Whether those are A and B, which their difference follows. */
  compared: boolean;
  channels: readonly number[];
  /** How long a step is shown, in hundredths of a second. */
  hundredths: number;
}

/** How many maps a channel has in a frame. */
export function paneCount({ frames, compared }: Pick<Film, 'frames' | 'compared'>): number {
  return compared ? 3 : Math.max(1, frames[0]?.length ?? 0);
}

/** Calls `progress` with the share that is done. */
export async function makeFilm(
  film: Film,
  signal: AbortSignal,
  progress: (share: number) => void,
): Promise<Blob> {
  const { GIF_END, gifFrame, gifHead } = await import('../gif');
  const { frames, channels, hundredths } = film;
  const parts: Uint8Array[] = [];
  const panes = paneCount(film);
  const atOnce = Math.max(1, Math.floor(SAMPLES_ASKED / panes));
  for (let from = 0; from < frames.length; from += atOnce) {
    const loaded = await loadFrames(frames.slice(from, from + atOnce), signal);
    for (const [i, stacks] of loaded.entries()) {
      const first = stacks.find(Boolean);
      // A batch may be too small for the samples.
      if (first) {
        const layout = filmLayout(first.header, channels, panes);
        if (parts.length === 0) parts.push(gifHead(layout.width, layout.height));
        const pixels = frameOf(film, frames[from + i], stacks, layout);
        parts.push(gifFrame(pixels, layout.width, layout.height, hundredths));
      }
      progress((from + i + 1) / frames.length);
      // Lets the page draw, and be cancelled.
      await new Promise((resolve) => setTimeout(resolve));
      signal.throwIfAborted();
    }
  }
  if (parts.length === 0) throw new Error('None of these steps holds this sample.');
  return new Blob([...parts, GIF_END] as BlobPart[], { type: 'image/gif' });
}

/** The stacks of some frames; one request for each run. */
async function loadFrames(
  frames: readonly (readonly StackAt[])[],
  signal: AbortSignal,
): Promise<(Stack | undefined)[][]> {
  const all = frames.flat();
  const found = new Map<string, Stack | undefined>();
  for (const run of new Set(all.map((at) => at.run))) {
    const wanted = all.filter((at) => at.run === run);
    const stacks = await loadStacks(wanted, signal);
    wanted.forEach((at, i) => found.set(stackKey(at), stacks[i]));
  }
  return frames.map((frame) => frame.map((at) => found.get(stackKey(at))));
}

/** What a frame shows, and what its colours span, in words. */
interface Scene {
  panes: (Pane | undefined)[];
  range: string | undefined;
}

/** Samples as the page paints them, by the range of the first one's step. */
function samplesScene(stacks: readonly (Stack | undefined)[]): Scene {
  const first = stacks.find(Boolean);
  if (!first) return { panes: [], range: undefined };
  const { map, shared, domainOf } = paintingOf(first);
  return {
    panes: stacks.map(
      (stack) => stack && { stack, map, domainOf: (channel) => domainOf(channel, stack) },
    ),
    range: shared && spelled(shared),
  };
}

/** A, B and their difference; of a step that lacks one of the two, the other. */
function comparedScene([a, b]: readonly (Stack | undefined)[]): Scene {
  if (!a || !b) return samplesScene([a, b]);
  const difference = mismatch(a, b) === undefined ? differenceStack(a, b) : undefined;
  const { map, domainOf, differenceMap, differenceOf } = pairOf(a, b, difference);
  const own = paintingOf(a).normalisation === 'map';
  return {
    panes: [
      { stack: a, map, domainOf },
      { stack: b, map, domainOf },
      difference && { stack: difference, map: differenceMap, domainOf: differenceOf },
    ],
    range: own
      ? undefined
      : [`A, B ${spelled(domainOf(0))}`, difference && `A − B ${spelled(differenceOf(0))}`]
          .filter(Boolean)
          .join(' · '),
  };
}

function spelled({ low, high }: Domain): string {
  return `${formatValue(low, 3)} … ${formatValue(high, 3)}`;
}

/** The maps as the page paints them, with what they are above. */
function frameOf(
  { compared, channels }: Film,
  at: readonly StackAt[],
  stacks: readonly (Stack | undefined)[],
  layout: FilmLayout,
): Uint32Array {
  const { panes, range } = compared ? comparedScene(stacks) : samplesScene(stacks);
  const header = panes.find(Boolean)?.stack.header;
  if (!header) throw new Error('A frame without maps.');
  const style = getComputedStyle(document.documentElement);
  const color = (token: string) => style.getPropertyValue(token).trim();
  const [background, ink] = [color('--bg'), color('--ink')];
  const pixelOf = (hex: string) => hexToPixel(hex.slice(1));
  const samples = [...new Set(at.map(({ index }) => index))];
  const one = channels.length === 1 && header.channels > 1;
  const sides = ({ run, step }: StackAt, i: number) =>
    `${'AB'[i]} ${runTitle(run)} step ${formatCount(step)}`;
  const what = [
    header.path,
    header.kind.replaceAll('_', ' '),
    !isWeightKind(header.kind) &&
      `${samples.length > 1 ? 'samples' : 'sample'} ${samples.join(' | ')}`,
    one && channelTitle(header, channels[0]),
  ];
  const lines = compared
    ? [what, [at.map(sides).join(' | '), range]]
    : [
        [runTitle(at[0].run), ...what],
        [`step ${formatCount(at[0].step)}`, range],
      ];
  const caption = captionPixels(
    { width: layout.width, height: layout.captionHeight },
    [background, ink],
    lines.map((parts) => parts.filter(Boolean).join(' · ')),
  );
  return filmFrame(
    panes,
    layout,
    pixelOf(background),
    levelled(caption, pixelOf(background), pixelOf(ink)),
  );
}

function captionPixels(
  { width, height }: TileGrid,
  [background, ink]: readonly string[],
  lines: readonly string[],
): Uint32Array {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('The browser could not draw the captions.');
  context.fillStyle = background;
  context.fillRect(0, 0, width, height);
  context.fillStyle = ink;
  context.textBaseline = 'middle';
  lines.forEach((line, i) => {
    context.font = `${i === 0 ? 400 : 600} 12px Roboto, system-ui, "Noto Sans", sans-serif`;
    context.fillText(line, 8, 13 + 17 * i, width - 16);
  });
  return new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
}
