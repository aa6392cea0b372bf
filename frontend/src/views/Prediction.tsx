import { flipsHere } from '../flip_store';
import { className } from '../flips';
import { formatCount, formatValue } from '../format';
import { predictionBars, topIndex } from '../prediction';
import { output } from '../maps_store';
import { state } from '../state';
import { data, outputPath, outputWords, sample, sampleLabel } from '../store';

const LIMIT = 12;

/** Which output's prediction is shown, here and on the step axis. */
function OutputPicker() {
  return (
    <select
      class="select"
      aria-label="Of which output"
      data-testid="output-select"
      value={outputPath.value}
      onChange={(event) => {
        state.output.value = event.currentTarget.value;
      }}
    >
      {data.value?.model.probe?.output_paths.map((path) => (
        <option key={path} value={path}>
          {path}
        </option>
      ))}
    </select>
  );
}

/** What the model says of the sample at this step. */
export function Prediction() {
  const { answer, loading } = output.value;
  const several = (data.value?.model.probe?.output_paths.length ?? 0) > 1;
  const words = outputWords.value;
  // Of the probe; a batch's are not known, and those of the first output are no other's.
  const label = words.labels.length > 0 ? sampleLabel(sample.value) : undefined;
  const shown = answer && predictionBars(answer, label, LIMIT);
  if (!shown) {
    return (
      several && (
        <section class="prediction" aria-label="Prediction">
          <h2>Prediction</h2>
          <OutputPicker />
          {answer && <p class="key">This output is no list of classes.</p>}
        </section>
      )
    );
  }
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
      {several && <OutputPicker />}
      <ol>
        {bars.map(({ index, value }) => (
          <li
            key={index}
            class={`${index === label ? 'label' : ''} ${index === top ? 'top' : ''} ${value < 0 ? 'negative' : ''}`}
            title={index === label ? 'The label of this sample' : undefined}
          >
            <span class="class-name">
              <span>{className(words, index)}</span>
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
          ⧗ was {className(words, flip.from)} at step {formatCount(flip.since)}
        </p>
      )}
      {hidden > 0 && <p class="key">{formatCount(hidden)} smaller ones not shown</p>}
    </section>
  );
}
