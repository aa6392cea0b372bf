import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { compared, referenceAt } from '../compare_store';
import { filmLayout } from '../film';
import { formatCount, plural } from '../format';
import { channelTitle, layoutOf } from '../layout';
import { channelOrder, selectedChannel, shownStacks, stack } from '../maps_store';
import { evenIndices, stepIndexAt, tagSteps } from '../selection';
import { state } from '../state';
import { data, tag } from '../store';
import { runTitle } from './colors';
import { Segments } from './Controls';
import { makeFilm, paneCount } from './make_film';
import { fileName, save } from './save';

// A film of more steps than that is hundreds of megabytes; of these some are left out.
const MOST_STEPS = 300;
const SPEEDS = [2, 5, 10];

/** Asks of which maps and steps an animated GIF is to be, and makes it. */
export function FilmForm({ close }: { close: () => void }) {
  const [known, one, name] = [data.value, stack.value.answer, tag.value];
  const { steps: all, wall_times } = known
    ? tagSteps(known.series, name ?? '')
    : { steps: [], wall_times: [] };
  const first = useSignal(all[0]);
  const last = useSignal(all[all.length - 1]);
  const alone = useSignal(selectedChannel.value !== null && (one?.channels ?? 0) > 1);
  const speed = useSignal(5);
  /** The share that is done; null while nothing is made. */
  const progress = useSignal<number | null>(null);
  const failure = useSignal<string>('');
  const controller = useRef<AbortController | null>(null);
  useEffect(() => () => controller.current?.abort(), []);
  if (!one || !known || name === undefined) return null;

  const chosen = selectedChannel.value;
  const every = [...Array(one.channels).keys()];
  const byChange = state.compare.value ? compared.value?.changes?.order : undefined;
  const sorted =
    byChange ??
    (layoutOf(one.header).type === 'tiles' ? channelOrder.value?.channels : undefined);
  const channels = alone.value && chosen !== null ? [chosen] : (sorted ?? every);
  const range = all.slice(
    stepIndexAt(all, Math.min(first.value, last.value)),
    stepIndexAt(all, Math.max(first.value, last.value)) + 1,
  );
  const steps = evenIndices(range.length, MOST_STEPS).map((i) => range[i]);
  const filmstrip = state.arrangement.value === 'filmstrip';
  const samples =
    filmstrip || state.compare.value ? [one.index] : shownStacks.value.map((s) => s.index);
  const frames = steps.map((step) => {
    const wallTime = wall_times[all.indexOf(step)];
    const own = samples.map((index) => ({
      run: known.run,
      tag: name,
      step,
      wallTime,
      index,
    }));
    const versus = state.compare.value ? referenceAt(step) : undefined;
    return versus ? [...own, versus] : own;
  });
  // Without a partner anywhere, A is shown alone.
  const shown = { frames, compared: frames[0]?.length === 2 && state.compare.value };
  const panes = paneCount(shown);
  const { width, height } = filmLayout(one.header, channels, panes);

  const make = async () => {
    controller.current = new AbortController();
    const { signal } = controller.current;
    progress.value = 0;
    failure.value = '';
    try {
      const film = { ...shown, channels, hundredths: Math.round(100 / speed.value) };
      const blob = await makeFilm(film, signal, (share) => {
        progress.value = share;
      });
      const { path, kind } = one.header;
      const part = channels.length === 1 && one.channels > 1 && `channel ${channels[0]}`;
      const what = shown.compared ? 'a_b' : panes > 1 && `samples_${samples.join('_')}`;
      save(blob, fileName([runTitle(known.run), path, kind, part, what], 'gif'));
      close();
    } catch (error) {
      if (!signal.aborted)
        failure.value = error instanceof Error ? error.message : String(error);
    } finally {
      progress.value = null;
    }
  };

  const making = progress.value !== null;
  return (
    <form
      method="dialog"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <h2>Animated GIF of {one.header.path}</h2>
      {chosen !== null && one.channels > 1 && (
        <Segments
          label="Which maps"
          value={alone.value ? 'one' : 'all'}
          choices={[
            { value: 'all', title: 'All maps', testId: 'film-all' },
            { value: 'one', title: channelTitle(one.header, chosen), testId: 'film-one' },
          ]}
          onChoose={(value) => {
            alone.value = value === 'one';
          }}
        />
      )}
      <p>
        <StepSelect label="From step" testId="film-first" steps={all} entry={first} />{' '}
        <StepSelect label="to" testId="film-last" steps={all} entry={last} />
      </p>
      <div class="bar">
        <Segments
          label="Steps a second"
          value={speed.value}
          choices={SPEEDS.map((value) => ({ value, title: value }))}
          onChoose={(value) => {
            speed.value = value;
          }}
        />
        steps a second
      </div>
      <p class="hint" data-testid="film-size">
        {plural(steps.length, 'frame')}
        {steps.length < range.length && ` of ${formatCount(range.length)} steps`} of {width}{' '}
        × {height} pixels, in the colours and the range of the page
        {shown.compared
          ? ': A, B and A − B side by side.'
          : panes > 1
            ? `: ${plural(panes, 'sample')} side by side.`
            : '.'}
      </p>
      {failure.value && <p role="alert">{failure.value}</p>}
      {making && (
        <progress value={progress.value ?? 0} max="1" aria-label="How much is done" />
      )}
      <div class="bar">
        <button type="submit" class="button" data-testid="film-make" disabled={making}>
          {making ? 'Making it …' : 'Download'}
        </button>
        <button type="button" class="button" data-testid="film-cancel" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function StepSelect(props: {
  label: string;
  testId: string;
  steps: readonly number[];
  entry: Signal<number>;
}) {
  const { label, testId, steps, entry } = props;
  return (
    <label>
      {label}{' '}
      <select
        class="select"
        data-testid={testId}
        value={entry.value}
        onChange={(event) => {
          entry.value = Number(event.currentTarget.value);
        }}
      >
        {steps.map((one) => (
          <option key={one} value={one}>
            {formatCount(one)}
          </option>
        ))}
      </select>
    </label>
  );
}
