/** The maps of the page over steps as an animated GIF. */
import { filmFrame, filmLayout, levelled } from '../film';
import { formatCount, formatValue } from '../format';
import { channelTitle, type TileGrid } from '../layout';
import { hexToPixel } from '../colormaps';
import { paintingOf } from '../painting';
import { isWeightKind } from '../selection';
import { loadStacks, type StackAt } from '../stacks';
import type { Stack } from '../wire_format';
import { runTitle } from './colors';

/** Samples asked for at once. */
const STEPS_ASKED = 16;

export interface Film {
  /** The steps in their order. */
  at: readonly StackAt[];
  channels: readonly number[];
  /** How long a step is shown, in hundredths of a second. */
  hundredths: number;
}

/** Calls `progress` with the share that is done. */
export async function makeFilm(
  { at, channels, hundredths }: Film,
  signal: AbortSignal,
  progress: (share: number) => void,
): Promise<Blob> {
  const { GIF_END, gifFrame, gifHead } = await import('../gif');
  const parts: Uint8Array[] = [];
  for (let from = 0; from < at.length; from += STEPS_ASKED) {
    const stacks = await loadStacks(at.slice(from, from + STEPS_ASKED), signal);
    for (const [i, stack] of stacks.entries()) {
      // A batch may be too small for the sample.
      if (stack) {
        const layout = filmLayout(stack.header, channels);
        if (parts.length === 0) parts.push(gifHead(layout.width, layout.height));
        const pixels = frameOf(stack, at[from + i], channels);
        parts.push(gifFrame(pixels, layout.width, layout.height, hundredths));
      }
      progress((from + i + 1) / at.length);
      // Lets the page draw, and be cancelled.
      await new Promise((resolve) => setTimeout(resolve));
      signal.throwIfAborted();
    }
  }
  if (parts.length === 0) throw new Error('None of these steps holds this sample.');
  return new Blob([...parts, GIF_END] as BlobPart[], { type: 'image/gif' });
}

/** The maps as the page paints them, with what they are above. */
function frameOf(stack: Stack, at: StackAt, channels: readonly number[]): Uint32Array {
  const { header } = stack;
  const { map, shared, domainOf } = paintingOf(stack);
  const layout = filmLayout(header, channels);
  const style = getComputedStyle(document.documentElement);
  const color = (token: string) => style.getPropertyValue(token).trim();
  const [background, ink] = [color('--bg'), color('--ink')];
  const pixelOf = (hex: string) => hexToPixel(hex.slice(1));
  const range = shared && `${formatValue(shared.low, 3)} … ${formatValue(shared.high, 3)}`;
  const one = channels.length === 1 && header.channels > 1;
  const caption = captionPixels(
    { width: layout.width, height: layout.captionHeight },
    [background, ink],
    [
      [
        runTitle(at.run),
        header.path,
        header.kind.replaceAll('_', ' '),
        !isWeightKind(header.kind) && `sample ${stack.index}`,
      ],
      [`step ${formatCount(at.step)}`, one && channelTitle(header, channels[0]), range],
    ].map((parts) => parts.filter(Boolean).join(' · ')),
  );
  return filmFrame(
    stack,
    layout,
    map,
    domainOf,
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
