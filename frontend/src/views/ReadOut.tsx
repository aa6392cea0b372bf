import { formatCount, formatWithError } from '../format';
import { channelTitle } from '../layout';
import { isWeightKind } from '../selection';
import { state } from '../state';
import { chosenSamples } from '../store';
import { valueAt, worstError } from '../wire_format';
import { Floating } from './Floating';
import { hover, type Hover } from './hover';

/** The value under the pointer, beside it. */
export function ReadOut() {
  const at = hover.value;
  if (!at) return null;
  if (at.words) {
    const [value, ...more] = at.words;
    return (
      <Floating pageX={at.pageX} pageY={at.pageY}>
        <b>{value}</b>
        {more.map((line) => (
          <span key={line}>{line}</span>
        ))}
      </Floating>
    );
  }
  return (
    <Floating pageX={at.pageX} pageY={at.pageY}>
      {at.filter ? (
        at.filter.channels.map((one, input) => (
          <b key={one}>
            in {input}: {valueText({ ...at, channel: one })}
          </b>
        ))
      ) : (
        <b>{valueText(at)}</b>
      )}
      <span>{placeText(at)}</span>
    </Floating>
  );
}

export function valueText({ stack, channel, y, x }: Hover): string {
  return formatWithError(valueAt(stack, channel, y, x), worstError(stack, channel));
}

function placeText({ stack, channel, filter, y, x }: Hover): string {
  const { header } = stack;
  const parts: string[] = [];
  if (filter) parts.push(`out ${filter.index}`);
  else if (stack.channels > 1) parts.push(channelTitle(header, channel).toLowerCase());
  // Where one alone is shown, the page says which.
  if (!isWeightKind(header.kind) && chosenSamples.value.length > 1)
    parts.push(`sample ${stack.index}`);
  if (state.arrangement.value === 'filmstrip')
    parts.push(`step ${formatCount(header.step)}`);
  if (stack.height > 1) parts.push(`${axisWord(header.height_axis, 'y')} ${y}`);
  parts.push(`${axisWord(header.width_axis, 'x')} ${x}`);
  return parts.join(' · ');
}

/** Pictures have an x and a y; other axes go by their own names. */
export function axisWord(name: string, short: string): string {
  return name === 'height' || name === 'width' || name === '' ? short : name;
}
