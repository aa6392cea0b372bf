import { layoutOf, shownText, TILE_GAP, tileSize } from '../layout';
import { formatCount, formatShape, formatShare, formatValue, plural } from '../format';
import { CODE_MAX, type Stack, type TensorHeader } from '../wire_format';
import { type Painting, paintingOf } from '../painting';
import { hasMaps, isWeightKind, KIND_TITLES, tagSteps } from '../selection';
import { batchNote } from '../source';
import { SampleNotStored } from '../stacks';
import { state } from '../state';
import {
  data,
  kind,
  layer,
  mapsNearby,
  path,
  rows,
  selectedChannel,
  stack,
  steps,
  tag,
} from '../store';
import { Absent, StepNotes } from './Absent';
import {
  ColormapPicker,
  KindPicker,
  NormalisationPicker,
  PartPicker,
  SamplePicker,
  SizePicker,
} from './Controls';
import { ComparedMaps } from './ComparedMaps';
import { CompareControls } from './CompareControls';
import { type Size, useSize } from './hooks';
import { Kernels } from './Kernels';
import { Legend } from './Legend';
import { Matrix } from './Matrix';
import { Failure, Note, Waiting } from './Messages';
import { Tile } from './Tile';
import { Units } from './Units';

/** The maps of one tensor of a layer at one step, for one sample. */
export function FeatureMaps() {
  const [ref, room] = useSize<HTMLDivElement>();
  const { answer, error, loading } = stack.value;
  const painting = answer && paintingOf(answer);
  const many = answer && layoutOf(answer.header).type === 'tiles';
  return (
    <div class="view maps">
      <Title header={answer?.header} />
      {kind.value && (
        <>
          <div class="bar">
            <KindPicker />
            <PartPicker />
            <span class="space" />
            <SamplePicker />
          </div>
          {state.compare.value && <CompareControls />}
          <div class="bar">
            <ColormapPicker />
            <NormalisationPicker />
            {many && <SizePicker />}
            <span class="space" />
            {answer && painting && !state.compare.value && (
              <Legend stack={answer} painting={painting} />
            )}
          </div>
        </>
      )}
      <Notes
        header={answer?.header}
        fallback={painting?.normalisation !== state.normalisation.value}
      />
      <StepNotes />
      <div ref={ref} class={`maps-room ${loading ? 'stale' : ''}`}>
        {error instanceof SampleNotStored && <FewerSamples missing={error} />}
        {error && !(error instanceof SampleNotStored) && <Failure error={error} />}
        {!answer && !error && <WithoutMaps />}
        {answer && painting && room.width > 0 && !state.compare.value && (
          <Maps stack={answer} painting={painting} room={room} />
        )}
        {answer && room.width > 0 && state.compare.value && <ComparedMaps room={room} />}
      </div>
    </div>
  );
}

function Title({ header }: { header: TensorHeader | undefined }) {
  const one = layer.value;
  if (!one) return null;
  const parts = [one.class_name];
  const shapes = one.outputs.map(({ shape }) => formatShape(shape.slice(1)));
  if (shapes.length > 0) parts.push(shapes.join(', '));
  if (one.activation) parts.push(one.activation);
  if (one.parameter_count > 0) parts.push(plural(one.parameter_count, 'parameter'));
  return (
    <h1>
      {one.path}{' '}
      <small title="± is the worst error of a value, as a share of its map’s range">
        {[...parts.filter(Boolean), ...(header ? [shown(header)] : [])].join(' · ')}
      </small>
    </h1>
  );
}

/** How much of the tensor is on the page, and how exact it is. */
function shown(header: TensorHeader): string {
  const weights = isWeightKind(header.kind);
  const known = data.value?.model;
  const parts = shownText(header, known?.probe?.samples ?? 0, weights);
  // Half a code, as a share of the range of each map.
  if (header.precision === 'uint8')
    parts.push(`codes ± ${formatShare(1 / (2 * CODE_MAX))}`);
  else parts.push(header.precision);
  const batch = batchNote(header.kind, known?.maps_source ?? '');
  if (!batch) return `shown: ${parts.join(', ')}`;
  const samples = weights ? '' : `${plural(header.blobs, 'sample')} `;
  return `shown: ${parts.join(', ')} · ${samples}${batch}`;
}

function Notes({
  header,
  fallback,
}: {
  header: TensorHeader | undefined;
  fallback: boolean;
}) {
  const notes = [header?.note ?? '', layer.value?.note ?? ''];
  if (header && fallback) {
    notes.push(
      'There are no statistics over all steps for this tensor; the layer’s range is used.',
    );
  }
  return (
    <>
      {notes.filter(Boolean).map((note) => (
        <Note key={note}>{note}</Note>
      ))}
    </>
  );
}

/** Why there are no maps: not yet, not at this step, or not at all. */
function WithoutMaps() {
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
function FewerSamples({ missing }: { missing: SampleNotStored }) {
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
        <button
          type="button"
          class="button"
          onClick={() => {
            state.sample.value = last || null;
          }}
        >
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

function Maps({ stack, painting, room }: { stack: Stack; painting: Painting; room: Size }) {
  const layout = layoutOf(stack.header);
  switch (layout.type) {
    case 'units':
      return <Units stack={stack} painting={painting} layout={layout} room={room} />;
    case 'matrix':
      return <Matrix stack={stack} painting={painting} room={room} />;
    case 'kernels':
      return <Kernels stack={stack} painting={painting} layout={layout} room={room} />;
    case 'tiles':
      return <Tiles stack={stack} painting={painting} room={room} />;
  }
}

function Tiles({
  stack,
  painting,
  room,
}: {
  stack: Stack;
  painting: Painting;
  room: Size;
}) {
  const tile = tileSize(stack.header, state.size.value, room);
  return (
    <div
      class="tiles"
      style={{
        gridTemplateColumns: `repeat(auto-fill, ${tile.width}px)`,
        columnGap: `${TILE_GAP}px`,
      }}
      // So that a reader of the page's structure, or a test, knows what a tile is of.
      data-kind={stack.header.kind}
      data-path={path.value}
    >
      {Array.from({ length: stack.channels }, (_, channel) => {
        const domain = painting.domainOf(channel);
        return (
          <Tile
            key={channel}
            stack={stack}
            channel={channel}
            low={domain.low}
            high={domain.high}
            map={painting.map}
            width={tile.width}
            height={tile.height}
            selected={channel === selectedChannel.value}
            bare={tile.width < 34}
          />
        );
      })}
      {stack.channels === 0 && (
        <p class="message">This tensor is empty: {formatValue(0)} channels.</p>
      )}
    </div>
  );
}
