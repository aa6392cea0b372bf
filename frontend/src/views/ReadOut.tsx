import { formatWithError } from '../format';
import { valueAt, worstError } from '../wire_format';
import { hover, type Hover } from './hover';

/** The value under the pointer, beside it. */
export function ReadOut() {
  const at = hover.value;
  if (!at) return null;
  const { stack, channel, y, x } = at;
  // Kept on the page: to the left of the pointer in its right half.
  const right = at.pageX > window.innerWidth - 260;
  const below = at.pageY < 80;
  return (
    <div
      class="read-out"
      data-testid="hover-readout"
      role="status"
      style={{
        left: `${at.pageX}px`,
        top: `${at.pageY}px`,
        transform: `translate(${right ? 'calc(-100% - 12px)' : '14px'}, ${below ? '16px' : 'calc(-100% - 10px)'})`,
      }}
    >
      <b>{valueText(at)}</b>
      <span>
        {placeText(
          stack.header.height_axis,
          stack.header.width_axis,
          stack.channels,
          channel,
          y,
          x,
          stack.height,
        )}
      </span>
    </div>
  );
}

export function valueText({ stack, channel, y, x }: Hover): string {
  return formatWithError(valueAt(stack, channel, y, x), worstError(stack, channel));
}

function placeText(
  heightAxis: string,
  widthAxis: string,
  channels: number,
  channel: number,
  y: number,
  x: number,
  height: number,
): string {
  const parts = channels > 1 ? [`channel ${channel}`] : [];
  if (height > 1) parts.push(`${axisWord(heightAxis, 'y')} ${y}`);
  parts.push(`${axisWord(widthAxis, 'x')} ${x}`);
  return parts.join(' · ');
}

/** Pictures have an x and a y; other axes go by their own names. */
export function axisWord(name: string, short: string): string {
  return name === 'height' || name === 'width' || name === '' ? short : name;
}
