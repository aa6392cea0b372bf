/** Why there are no feature maps, and what to do. */
import { formatCount, plural } from '../format';
import { hasMaps, KIND_TITLES, tagSteps } from '../selection';
import type { SampleNotStored } from '../stacks';
import { selectSample } from '../actions';
import { data, kind, layer, mapsNearby, path, rows, steps, tag } from '../store';
import { Absent } from './Absent';
import { Waiting } from './Messages';

/** Why there are no maps: not yet, not at this step, or not at all. */
export function WithoutMaps() {
  const [what, nearby] = [kind.value, mapsNearby.value];
  if (!what) return <NoMaps />;
  if (!nearby || nearby.here) return <Waiting />;
  const known = data.value;
  const kept = known ? tagSteps(known.series, tag.value ?? '').steps.length : 0;
  return (
    <Absent nearby={nearby}>
      Of {path.value} · {KIND_TITLES[what]} there are maps at {formatCount(kept)} of{' '}
      {plural(steps.value.length, 'recorded step')}.
    </Absent>
  );
}

/** The batch of this step is smaller than that of others. */
export function FewerSamples({ missing }: { missing: SampleNotStored }) {
  const { step, index, stored } = missing;
  const last = stored - 1;
  return (
    <div class="message" data-testid="fewer-samples">
      <p>
        <b>
          Sample {index} is not stored at step {formatCount(step)}.
        </b>
      </p>
      <p>
        The batch of this step was smaller: there are maps of {plural(stored, 'sample')}
        {stored > 1 && `, 0 to ${last}`}.
      </p>
      {stored > 0 && (
        <button type="button" class="button" onClick={() => selectSample(last)}>
          Show sample {last}
        </button>
      )}
    </div>
  );
}

function NoMaps() {
  const one = layer.value;
  if (!one) {
    return (
      <div class="message">
        <p>
          <b>This run names no layers yet.</b>
        </p>
        <p>They come with its first record; this page looks for it every few seconds.</p>
      </div>
    );
  }
  const known = data.value;
  if (known && !hasMaps(known.model, known.series)) {
    return (
      <div class="message">
        <p>
          <b>This run holds statistics and histograms, and no feature maps.</b>
        </p>
        <p>See the tab Histograms.</p>
      </div>
    );
  }
  return (
    <div class="message">
      <p>
        <b>No maps are recorded of this layer.</b>
      </p>
      <p>
        {rows.value.length > 0
          ? 'Its statistics and histograms are: see the tab Histograms. '
          : 'Nor are statistics or histograms: layers that only reshape, pad, crop, drop or normalise are left out unless they are asked for. '}
        To record it, too, give the callback <code>layers="*"</code>.
      </p>
    </div>
  );
}
