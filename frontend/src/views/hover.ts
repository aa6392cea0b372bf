/** What the pointer is over, for the read-out beside it and the details. */
import { signal } from '@preact/signals';
import type { RgbChannels } from '../rgb';
import type { Stack } from '../wire_format';

export interface Hover {
  stack: Stack;
  channel: number;
  /** Where three channels are one picture. */
  filter?: { index: number; channels: RgbChannels };
  y: number;
  x: number;
  /** In place of a plane's value and place: what is under the pointer, in words. */
  words?: readonly string[];
  /** Of the pointer, in CSS pixels of the page. */
  pageX: number;
  pageY: number;
}

export const hover = signal<Hover | null>(null);

/** The cell of a `columns` × `rows` picture under the pointer. */
export function cellUnder(
  event: MouseEvent,
  columns: number,
  rows: number,
): { x: number; y: number } {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  const clamp = (value: number, last: number) =>
    Math.max(0, Math.min(last, Math.floor(value)));
  return {
    x: clamp(((event.clientX - box.left) / box.width) * columns, columns - 1),
    y: clamp(((event.clientY - box.top) / box.height) * rows, rows - 1),
  };
}
