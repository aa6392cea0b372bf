import { flipsHere } from '../flip_store';
import { className } from '../flips';
import { formatCount, formatValue } from '../format';
import { predictionBars, topIndex } from '../prediction';
import { output } from '../maps_store';
import { data, sample, sampleLabel } from '../store';

const LIMIT = 12;

/** What the model says of the sample at this step. */
export function Prediction() {
  const { answer, loading } = output.value;
  const probe = data.value?.model.probe;
  if (!answer || !probe) return null;
  const label = sampleLabel(sample.value);
  const shown = predictionBars(answer, label, LIMIT);
  if (!shown) return null;
  const { bars, probabilities, hidden } = shown;
  const top = topIndex(bars);
  const flip = flipsHere.value.find((one) => one.sample === sample.value);
  const largest = Math.max(
    ...bars.map(({ value }) => (Number.isFinite(value) ? Math.abs(value) : 0)),
  );
  const width = (value: number) =>
    Number.isFinite(value) && largest > 0
      ? 100 * (probabilities ? value : Math.abs(value) / largest)
      : 0;
  return (
    <section class={`prediction ${loading ? 'stale' : ''}`} aria-label="Prediction">
      <h2>
        Prediction
        {label !== undefined && <span>{top === label ? 'right' : 'wrong'}</span>}
      </h2>
      <ol>
        {bars.map(({ index, value }) => (
          <li
            key={index}
            class={`${index === label ? 'label' : ''} ${index === top ? 'top' : ''} ${value < 0 ? 'negative' : ''}`}
            title={index === label ? 'The label of this sample' : undefined}
          >
            <span class="class-name">
              <span>{probe.class_names[index] ?? index}</span>
              {index === label && <b>◂</b>}
            </span>
            <span class="track">
              <i style={{ width: `${width(value)}%` }} />
            </span>
            <span class="value">
              {probabilities ? `${(100 * value).toFixed(1)} %` : formatValue(value, 3)}
            </span>
          </li>
        ))}
      </ol>
      {label !== undefined && <p class="key">◂ the label</p>}
      {flip && (
        <p class="key" data-testid="flipped">
          ⧗ was {className(probe, flip.from)} at step {formatCount(flip.since)}
        </p>
      )}
      {hidden > 0 && <p class="key">{formatCount(hidden)} smaller ones not shown</p>}
    </section>
  );
}
