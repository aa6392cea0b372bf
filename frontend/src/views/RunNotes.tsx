import { formatBytes, formatCount } from '../format';
import { data } from '../store';

/** What the run records, and what it leaves out, in the recorder's own words. */
export function RunNotes() {
  const model = data.value?.model;
  if (!model?.planned_bytes_per_record) return null;
  const samples = model.probe?.samples ?? 0;
  const shown = model.probe?.samples_recorded ?? 0;
  const probe =
    shown < samples
      ? `Maps of the first ${formatCount(shown)} of ${formatCount(samples)} probe samples`
      : `Maps of all ${formatCount(samples)} probe samples`;
  const bytes = formatBytes(model.planned_bytes_per_record);
  const budget = formatBytes(model.budget_bytes_per_record);
  return (
    <section class="run-notes" aria-label="This run" data-testid="run-notes">
      <h2>This run</h2>
      <p>
        {probe}; {bytes} a record at most, of a budget of {budget}. Statistics are of the
        whole tensors.
      </p>
      {model.notes.map((note) => (
        <p key={note} class="left-out">
          {note}
        </p>
      ))}
    </section>
  );
}
