import { planText } from '../about';
import { formatCount } from '../format';
import type { ModelDescription } from '../api';
import { isProbe, sourceWords } from '../source';
import { lostText } from '../statistics';
import { data, keptText, lost } from '../store';

/** What the run records and of which batch, what it plans, lost and leaves out. */
export function RunNotes() {
  const known = data.value;
  if (!known) return null;
  const { model } = known;
  const plan = planText(model);
  const kept = keptText();
  if (!plan && !kept && model.notes.length === 0 && isProbe(model.tables_source))
    return null;
  return (
    // In the tab order, for it may have to be scrolled.
    <section class="run-notes" aria-label="This run" data-testid="run-notes" tabIndex={0}>
      <h2>This run</h2>
      {lost.value > 0 && <p class="left-out">⚠ {lostText(lost.value)}</p>}
      {kept && <p class="left-out">⚠ {kept}</p>}
      <p>{contentText(model)}</p>
      {plan && <p>Planned: {plan}.</p>}
      {model.notes.map((note) => (
        <p key={note} class="left-out">
          {note}
        </p>
      ))}
    </section>
  );
}

/** Of which samples the maps are, and of which the tables. */
function contentText(model: ModelDescription): string {
  const samples = model.probe?.samples ?? 0;
  const shown = model.probe?.samples_recorded ?? 0;
  const some =
    shown < samples
      ? `the first ${formatCount(shown)} of ${formatCount(samples)}`
      : `all ${formatCount(samples)}`;
  const maps = isProbe(model.maps_source)
    ? `Maps of ${some} probe samples.`
    : `Maps are of ${sourceWords(model.maps_source)}, of other samples at each step.`;
  const tables = isProbe(model.tables_source)
    ? 'Statistics are of the whole tensors.'
    : `Statistics and histograms are of the whole tensors of ${sourceWords(model.tables_source)}.`;
  // As of a whole dataset, of which there are tables alone.
  return model.layers.some((layer) => layer.maps_recorded) ? `${maps} ${tables}` : tables;
}
