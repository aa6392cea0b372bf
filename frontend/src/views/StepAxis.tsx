import { playing, togglePlay } from '../actions';
import { formatCount, formatValue, plural } from '../format';
import { type Alignment, ALIGNMENT_TITLES, ALIGNMENTS } from '../alignment';
import { PLAY_SPEEDS, state } from '../state';
import { lostText, recordOverSteps, SKIPPED_TEXT } from '../statistics';
import {
  data,
  keptText,
  lost,
  newestIndex,
  shownSteps,
  statisticsIndex,
  step,
  steps,
} from '../store';
import { isSkipped } from './Absent';
import { FlipReadOut, FlipsHere } from './FlipMarks';
import { Scrubber } from './Scrubber';

/** The step, its numbers, and the one scrubber for everything on the page. */
export function StepAxis() {
  return (
    <section class="axis" aria-label="Steps">
      <Now />
      <Scrubber />
      <FlipReadOut />
    </section>
  );
}

function Now() {
  const at = step.value;
  return (
    <div class="now">
      <div class="step">
        <button
          type="button"
          class="play"
          data-testid="play"
          aria-label={playing.value ? 'Pause' : 'Play'}
          title={playing.value ? 'Pause (Space)' : 'Play (Space)'}
          disabled={steps.value.length < 2}
          onClick={togglePlay}
        >
          <svg viewBox="0 0 12 12" aria-hidden="true">
            <path d={playing.value ? 'M2 1h3v10H2zM7 1h3v10H7z' : 'M2 .8 11 6 2 11.2z'} />
          </svg>
        </button>
        <span data-testid="step">
          {at === undefined ? 'No step yet' : `Step ${formatCount(at)}`}
        </span>
        {state.step.value === null && steps.value.length > 0 && (
          <span
            class="live"
            title="The newest step with maps; newer ones will be shown as they come."
          >
            {newestIndex.value === steps.value.length - 1 ? 'newest' : 'newest maps'}
          </span>
        )}
      </div>
      <div class="about" title={aboutStep()}>
        {aboutStep()}
      </div>
      <div class="last">
        <Records />
        <SpeedPicker />
        <AlignmentPicker />
      </div>
      {isSkipped() && (
        <div class="records cut" title={SKIPPED_TEXT}>
          ⨯ update skipped
        </div>
      )}
      <FlipsHere />
    </div>
  );
}

export function aboutStep(): string {
  const known = data.value;
  const i = statisticsIndex.value;
  if (!known?.statistics || i < 0) return '';
  const { model, statistics } = known;
  const parts: string[] = [];
  const epoch = statistics.epochs[i] ?? -1;
  if (epoch >= 0) {
    parts.push(
      `epoch ${formatCount(epoch)}${model.epochs ? ` of ${formatCount(model.epochs)}` : ''}`,
    );
  }
  const probeLoss = recordOverSteps(model, statistics, 'probe_loss')[i];
  const loss = recordOverSteps(model, statistics, 'training_loss')[i];
  if (Number.isFinite(probeLoss)) parts.push(`probe loss ${formatValue(probeLoss, 3)}`);
  else if (Number.isFinite(loss)) parts.push(`loss ${formatValue(loss, 3)}`);
  const rate = recordOverSteps(model, statistics, 'learning_rate')[i];
  if (Number.isFinite(rate) && parts.length < 2) parts.push(`rate ${formatValue(rate, 3)}`);
  return parts.join(' · ');
}

function SpeedPicker() {
  return (
    <select
      class="align"
      aria-label="Steps a second while playing"
      title="Steps a second while playing (< and >)"
      data-testid="speed-select"
      value={state.speed.value}
      onChange={(event) => {
        state.speed.value = event.currentTarget.value as typeof state.speed.value;
      }}
    >
      {PLAY_SPEEDS.map((speed) => (
        <option key={speed} value={speed}>
          {speed}/s
        </option>
      ))}
    </select>
  );
}

/** What lines runs up: of use where there are several, or records are uneven. */
function AlignmentPicker() {
  return (
    <select
      class="align"
      aria-label="Align runs by"
      data-testid="align-select"
      value={state.align.value}
      onChange={(event) => {
        state.align.value = event.currentTarget.value as Alignment;
      }}
    >
      {ALIGNMENTS.map((value) => (
        <option key={value} value={value}>
          by {ALIGNMENT_TITLES[value]}
        </option>
      ))}
    </select>
  );
}

const SHOWN_WORDS = {
  overview: 'statistics',
  maps: 'maps',
  heatmaps: 'heatmaps',
  histograms: 'histograms',
};

function Records() {
  const kept = steps.value.length;
  const text = keptText();
  if (text) {
    const written = data.value?.series.records_written ?? 0;
    return (
      <div class="records cut" title={text}>
        {formatCount(kept)} of {formatCount(written)} steps kept
      </div>
    );
  }
  const parts = kept > 0 ? [plural(kept, 'record')] : [];
  const shown = shownSteps.value.length;
  if (shown < kept) {
    parts.push(`${formatCount(shown)} with ${SHOWN_WORDS[state.view.value]}`);
  }
  return (
    <div class="records" title={parts.join(' · ')}>
      {parts.join(' · ')}
      {lost.value > 0 && (
        <span class="cut" title={lostText(lost.value)}>
          {' '}
          · {formatCount(lost.value)} lost
        </span>
      )}
    </div>
  );
}
