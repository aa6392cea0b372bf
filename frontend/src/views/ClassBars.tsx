import { type ClassBar, classBars } from '../class_bars';
import { flipsHere } from '../flip_store';
import { className } from '../flips';
import { formatCount, formatValue } from '../format';
import { outputLayer } from '../selection';
import { data, type RunData, sampleLabel } from '../store';
import type { Stack } from '../wire_format';

/** What stands beside a bar: by shape and word. */
const MARKS = { label: '◂ label', target: '◎ target', both: '◎ label, target' };

/** What the model says of a sample at this step, with the label and the targets marked. */
export function ClassBars({
  known,
  output,
  sample,
  targets,
  limit,
}: {
  known: RunData;
  output: Stack;
  sample: number;
  targets: readonly number[];
  limit: number;
}) {
  const { probe } = known.model;
  const words = { labels: probe?.labels ?? [], class_names: probe?.class_names ?? [] };
  const of = outputLayer(known.model, output.header.path);
  const kind = {
    // A layer without one is linear.
    activation: of ? of.activation || 'linear' : '',
    labelled: words.labels.length + words.class_names.length > 0,
  };
  const label = sampleLabel(sample);
  const found = classBars(output, kind, { label, targets }, limit);
  if (!found) return null;
  const { bars, hidden } = found;
  const values = found.kind === 'values';
  const largest = Math.max(
    ...bars.map(({ value }) => Math.abs(value)).filter(Number.isFinite),
  );
  const width = (value: number) =>
    Number.isFinite(value) ? 100 * (values ? Math.abs(value) / (largest || 1) : value) : 0;
  const top = bars.find(({ isTop }) => isTop);
  const flip =
    known.run === data.value?.run
      ? flipsHere.value.find((one) => one.sample === sample)
      : undefined;
  const notes = [
    label !== undefined && top && (top.index === label ? '✓ right' : '✗ wrong'),
    found.kind === 'softmax' && 'softmax of the logits',
    hidden > 0 && `${formatCount(hidden)} smaller not shown`,
  ].filter(Boolean);
  return (
    <div
      class="class-bars"
      data-testid="class-bars"
      data-sample={sample}
      data-step={output.header.step}
      data-kind={found.kind}
      role="group"
      aria-label={`What the model says of sample ${sample}`}
    >
      <ol>
        {bars.map((bar) => (
          <li
            key={bar.index}
            class={bar.isTop ? 'top' : ''}
            data-class={bar.index}
            data-value={bar.value}
          >
            <span class="class-name" title={className(words, bar.index)}>
              {className(words, bar.index)}
            </span>
            <span class={`track ${bar.value < 0 ? 'negative' : ''}`}>
              <i style={{ width: `${width(bar.value)}%` }} />
            </span>
            <span class="value">
              {values ? formatValue(bar.value, 3) : `${(100 * bar.value).toFixed(1)} %`}
            </span>
            <span class="mark">{markOf(bar)}</span>
          </li>
        ))}
      </ol>
      {flip && (
        <p class="key" data-testid="flipped">
          ⧗ was {className(words, flip.from)} at step {formatCount(flip.since)}
        </p>
      )}
      {notes.length > 0 && <p class="key">{notes.join(' · ')}</p>}
    </div>
  );
}

function markOf({ isLabel, isTarget }: ClassBar): string {
  if (isLabel && isTarget) return MARKS.both;
  return isLabel ? MARKS.label : isTarget ? MARKS.target : '';
}
