import { formatCount, plural } from '../format';
import { allMethods, grid, shownRows } from '../heat_store';
import { explainedWords, reducedWords } from '../methods';
import { state } from '../state';
import { data, heatmapsNearby, sampleCount, step, steps } from '../store';
import { heatmapSteps } from '../selection';
import { Nearest, StepNotes } from './Absent';
import { CompareControls } from './CompareControls';
import { SizePicker, TableButton } from './Controls';
import {
  HeatArrangement,
  HeatChoices,
  HeatLegend,
  HeatLook,
  shownHeat,
} from './HeatControls';
import { HeatFilm } from './HeatFilm';
import { HeatGrid } from './HeatGrid';
import { HeatTable } from './HeatTable';
import { useSize } from './hooks';
import { Failure, Note, Waiting } from './Messages';

export { HeatDetails } from './HeatDetails';

/** Where in its input the model finds what it says: samples by methods, or over steps. */
export function Heatmaps() {
  const [ref, room] = useSize<HTMLDivElement>();
  if (allMethods.value.length === 0) return <NoHeatmaps />;
  const { answer, error, loading } = grid.value;
  const compares = state.compare.value;
  const inGrid = compares || state.heatmaps.value === 'grid';
  return (
    <div class="view maps heatmaps">
      <Title />
      <div class="bar">
        <HeatChoices />
      </div>
      {compares && <CompareControls />}
      <div class="bar">
        <HeatLook />
      </div>
      <div class="bar">
        {!compares && <HeatArrangement />}
        <SizePicker />
        <HeatLegend />
        <TableButton title="The numbers behind these heatmaps" />
      </div>
      <Notes />
      <StepNotes />
      {state.table.value && <HeatTable />}
      <div ref={ref} class={`maps-room ${inGrid && loading ? 'stale' : ''}`}>
        {!inGrid && room.width > 0 && <HeatFilm room={room} />}
        {inGrid && error && <Failure error={error} />}
        {inGrid && !error && !answer && <Without />}
        {inGrid && answer && room.width > 0 && <HeatGrid answer={answer} room={room} />}
      </div>
    </div>
  );
}

function Title() {
  const all = sampleCount.value;
  const shown = shownRows.value.length;
  const parts = [
    plural(allMethods.value.length, 'method'),
    shown < all ? `${shown} of ${plural(all, 'sample')}` : plural(all, 'sample'),
  ];
  const [first] = shownHeat();
  const words = first && explainedWords(first.stack.header.explanation);
  return (
    <div class="title">
      <h1>
        Heatmaps{' '}
        <small>
          {[...parts, words && `explained: ${words}`].filter(Boolean).join(' · ')}
        </small>
      </h1>
    </div>
  );
}

/** What was reduced, of the heatmaps and of what they lie on. */
function Notes() {
  const notes = new Set<string>();
  for (const { stack, input } of shownHeat()) {
    for (const words of reducedWords(stack.header)) notes.add(`Heatmaps show ${words}.`);
    if (input && input.header.channels <= 4)
      for (const words of reducedWords({ ...input.header, channels: 1 }))
        notes.add(`Inputs show ${words}.`);
    if (stack.header.note) notes.add(stack.header.note);
  }
  return (
    <>
      {[...notes].map((note) => (
        <Note key={note}>{note}</Note>
      ))}
    </>
  );
}

/** Nothing at this step, or not yet. */
function Without() {
  const [nearby, known] = [heatmapsNearby.value, data.value];
  if (!known || !nearby || nearby.here) return <Waiting />;
  return (
    <div class="message" data-testid="absent">
      <p>
        <b>No heatmaps at step {formatCount(step.value ?? 0)}.</b>
      </p>
      <p>
        There are heatmaps at {formatCount(heatmapSteps(known.series).length)} of{' '}
        {plural(steps.value.length, 'recorded step')}.
      </p>
      <p>
        <Nearest nearby={nearby} />
      </p>
      <p class="keys-hint">
        The keys <kbd>,</kbd> and <kbd>.</kbd> go from one step with heatmaps to the next.
      </p>
    </div>
  );
}

const LINE = `tk.KeractCallback(log_dir, probe, attributions=["grad_cam"])`;

/** The run has none at all. */
function NoHeatmaps() {
  return (
    <div class="message large no-heatmaps" data-testid="no-heatmaps">
      <h1>No heatmaps in this run</h1>
      <p>Record where in its input the model finds what it says:</p>
      <pre>
        <code>{LINE}</code>
      </pre>
      <p>
        Or write one of your own: <code>tk.summary.heatmap("name", heatmap, image)</code>.
        Feature maps over the image need no recording: <b>On image</b> in the tab Feature
        maps.
      </p>
    </div>
  );
}
