import type { ComponentChildren } from 'preact';
import type { Stack } from '../wire_format';
import { axisWord } from './ReadOut';

/** A plane with its axes named, from their first entry to their last. */
export function Axes({ stack, children }: { stack: Stack; children: ComponentChildren }) {
  const { header, height, width } = stack;
  return (
    <figure class="matrix">
      <div class="y-axis">
        <span>0</span>
        <b>{axisWord(header.height_axis, 'y')}</b>
        <span>{height - 1}</span>
      </div>
      <div class="in-axes">{children}</div>
      <div class="x-axis">
        <span>0</span>
        <b>{axisWord(header.width_axis, 'x')}</b>
        <span>{width - 1}</span>
      </div>
    </figure>
  );
}
