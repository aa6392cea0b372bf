import { mapsFacts } from '../about';
import { isAttention } from '../attention';
import { layoutOf, shownText } from '../layout';
import { formatShape, formatShare, plural } from '../format';
import { CODE_MAX, type Stack, type TensorHeader } from '../wire_format';
import { type Painting, paintingOf } from '../painting';
import { type RgbChannels, rgbFilters } from '../rgb';
import { isWeightKind } from '../selection';
import { batchNote } from '../source';
import { SampleNotStored } from '../stacks';
import { state } from '../state';
import { inputs, maps, shownStacks, stack } from '../maps_store';
import { data, kind, layer } from '../store';
import { TitleWithAbout } from './About';
import { StepNotes } from './Absent';
import {
  ArrangementPicker,
  ColormapPicker,
  KernelPicturePicker,
  KindPicker,
  NormalisationPicker,
  PartPicker,
  SamplePicker,
  SizePicker,
  TableButton,
} from './Controls';
import { AttentionNote } from './Attention';
import { Filmstrip } from './Filmstrip';
import { type Size, useSize } from './hooks';
import { Kernels } from './Kernels';
import { later } from './later';
import { Legend } from './Legend';
import { FewerSamples, WithoutMaps } from './MapsAbsent';
import { Matrix } from './Matrix';
import { Failure, Note } from './Messages';
import { FilterButton, OrderNote, OrderPicker, PinButton } from './OrderControls';
import { RgbKernels } from './RgbKernels';
import { SampleStrips, SampleTiles, Tiles } from './Tiles';
import { Units } from './Units';
import { UnitSteps } from './UnitSteps';

const CompareControls = later(
  async () => (await import('./CompareControls')).CompareControls,
  () => <div class="bar compare-bar" />,
);
const ComparedMaps = later(async () => (await import('./ComparedMaps')).ComparedMaps);
const MapTable = later(
  async () => (await import('./MapTable')).MapTable,
  () => <div class="table-room maps" />,
);

/** The maps of one tensor of a layer at one step, for one sample, several, or over steps. */
export function FeatureMaps() {
  const [ref, room] = useSize<HTMLDivElement>();
  const { answer, error, loading } = stack.value;
  const painting = answer && paintingOf(answer);
  const filters = answer && rgbFilters(answer.header);
  const rgb =
    answer && state.kernels.value === 'rgb' && !isFilmstrip() ? filters : undefined;
  return (
    <div class="view maps">
      <Title stack={answer} />
      {kind.value && (
        <>
          <div class="bar">
            <KindPicker />
            <PartPicker />
            {answer && <OnImageButton header={answer.header} />}
            <span class="space" />
            <SamplePicker />
          </div>
          {state.compare.value && <CompareControls />}
          {(!rgb || state.compare.value) && (
            <div class="bar">
              <ColormapPicker />
              <NormalisationPicker />
              {state.compare.value && <SizePicker />}
              {painting && !state.compare.value && (
                <Legend stacks={shownStacks.value} painting={painting} />
              )}
            </div>
          )}
          {answer && !state.compare.value && (
            <Arrangement header={answer.header} rgb={filters} />
          )}
        </>
      )}
      <Notes
        header={answer?.header}
        fallback={!rgb && painting?.normalisation !== state.normalisation.value}
      />
      <StepNotes />
      {state.table.value && !state.compare.value && <MapTable />}
      <div ref={ref} class={`maps-room ${loading ? 'stale' : ''}`}>
        {error instanceof SampleNotStored && <FewerSamples missing={error} />}
        {error && !(error instanceof SampleNotStored) && <Failure error={error} />}
        {!answer && !error && <WithoutMaps />}
        {answer && isAttention(answer.header) && <AttentionNote header={answer.header} />}
        {answer && painting && room.width > 0 && !state.compare.value && (
          <Maps stack={answer} painting={painting} room={room} rgb={rgb} />
        )}
        {answer && room.width > 0 && state.compare.value && <ComparedMaps room={room} />}
      </div>
    </div>
  );
}

/** What can be chosen of how maps stand, for this shape of tensor. */
function Arrangement({
  header,
  rgb,
}: {
  header: TensorHeader;
  rgb: RgbChannels[] | undefined;
}) {
  const { type } = layoutOf(header);
  const film = isFilmstrip();
  const inRgb = !film && rgb && state.kernels.value === 'rgb';
  const sorted =
    !inRgb && header.channels > 1 && (film || type === 'tiles' || type === 'kernels');
  const sized = type !== 'units' && (film || inRgb || type === 'tiles');
  return (
    <>
      <div class="bar">
        <ArrangementPicker />
        {rgb && !film && <KernelPicturePicker />}
        {sorted && (
          <>
            <OrderPicker />
            <PinButton />
            <FilterButton />
          </>
        )}
        {sized && <SizePicker />}
        <span class="space" />
        <TableButton title="The numbers behind these maps" />
      </div>
      {sorted && <OrderNote />}
    </>
  );
}

const OnImage = later(
  async () => (await import('./OnImage')).OnImage,
  () => null,
);

/** Lays the maps over the image that the model sees, where there is one. */
function OnImageButton({ header }: { header: TensorHeader }) {
  const input = inputs.value.answer?.find(Boolean)?.header;
  const spatial = header.height_axis === 'height' && header.channel_axes.length <= 1;
  if (isWeightKind(header.kind) || !spatial || input?.height_axis !== 'height') return null;
  const on = state.onImage.value;
  return (
    <>
      <button
        type="button"
        class="button toggle"
        aria-pressed={on}
        title="Each map over the image that the model sees"
        data-testid="on-image"
        onClick={() => {
          state.onImage.value = !on;
        }}
      >
        On image
      </button>
      {on && <OnImage />}
    </>
  );
}

function Title({ stack }: { stack: Stack | undefined }) {
  const [known, one] = [data.value, layer.value];
  const header = stack?.header;
  if (!one) return null;
  const parts = [one.class_name];
  const shapes = one.outputs.map(({ shape }) => formatShape(shape.slice(1)));
  if (shapes.length > 0) parts.push(shapes.join(', '));
  if (one.activation) parts.push(one.activation);
  if (one.parameter_count > 0) parts.push(plural(one.parameter_count, 'parameter'));
  return (
    <TitleWithAbout tensor={known && stack && mapsFacts(stack, known.run, known.model)}>
      {one.path}{' '}
      <small title="± is the worst error of a value, as a share of its map’s range">
        {[...parts.filter(Boolean), ...(header ? [shown(header)] : [])].join(' · ')}
      </small>
    </TitleWithAbout>
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

interface MapsProps {
  stack: Stack;
  painting: Painting;
  room: Size;
}

function Maps({
  stack,
  painting,
  room,
  rgb,
}: MapsProps & { rgb: RgbChannels[] | undefined }) {
  const layout = layoutOf(stack.header);
  if (isFilmstrip())
    return layout.type === 'units' ? <UnitSteps room={room} /> : <Filmstrip room={room} />;
  if (rgb) return <RgbKernels stack={stack} filters={rgb} room={room} />;
  const several = (maps.value.answer?.shown.length ?? 0) > 1;
  switch (layout.type) {
    case 'units':
      return several ? (
        <SampleStrips painting={painting} room={room} />
      ) : (
        <Units stack={stack} painting={painting} layout={layout} room={room} />
      );
    case 'matrix':
      return several ? (
        <SampleTiles painting={painting} room={room} />
      ) : (
        <Matrix stack={stack} painting={painting} room={room} />
      );
    case 'kernels':
      return <Kernels stack={stack} painting={painting} layout={layout} room={room} />;
    case 'tiles':
      return several ? (
        <SampleTiles painting={painting} room={room} />
      ) : (
        <Tiles painting={painting} room={room} />
      );
  }
}

/** Whether the maps are shown over steps. */
function isFilmstrip(): boolean {
  return state.arrangement.value === 'filmstrip';
}
