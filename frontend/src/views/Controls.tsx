/** The controls above the feature maps. */
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { selectKind } from '../actions';
import { COLORMAP_NAMES, COLORMAP_TITLES, type ColormapName, colormap } from '../colormaps';
import { NORMALISATIONS, type Normalisation } from '../domain';
import { inputPixels } from '../heatmap';
import { colormapEntry, currentColormap } from '../painting';
import { isWeightKind, KIND_TITLES, ownName, partTitle } from '../selection';
import { state, TILE_SIZES } from '../state';
import {
  data,
  inputs,
  kind,
  kinds,
  path,
  paths,
  sample,
  sampleCount,
  sampleLabel,
  samplesStay,
} from '../store';
import type { Stack } from '../wire_format';
import { drawPixels } from './Plane';

interface Choice<T> {
  value: T;
  title: ComponentChildren;
  hint?: string;
  testId?: string;
}

/** A row of buttons of which one is pressed. */
export function Segments<T extends string | number>(props: {
  label: string;
  choices: readonly Choice<T>[];
  value: T | undefined;
  onChoose: (value: T) => void;
}) {
  return (
    <fieldset class="segments" aria-label={props.label}>
      {props.choices.map(({ value, title, hint, testId }) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          title={hint}
          data-testid={testId}
          onClick={() => props.onChoose(value)}
        >
          {title}
        </button>
      ))}
    </fieldset>
  );
}

export function KindPicker() {
  return (
    <Segments
      label="What is shown"
      value={kind.value}
      choices={kinds.value.map((value) => ({
        value,
        title: KIND_TITLES[value],
        testId: `kind-${value}`,
      }))}
      onChoose={selectKind}
    />
  );
}

/** Kernel, bias, …: where a layer has several weights, or several outputs. */
export function PartPicker() {
  const what = kind.value;
  if (!what || paths.value.length < 2) return null;
  return (
    <Segments
      label="Which tensor of the layer"
      value={path.value}
      choices={paths.value.map((one) => ({ value: one, title: partTitle(what, one) }))}
      onChoose={(one) => {
        state.part.value = ownName(one);
        state.tile.value = null;
      }}
    />
  );
}

const NORMALISATION_HINTS: Record<Normalisation, string> = {
  map: 'Each map spans its own values: shows patterns, not strength',
  layer: 'All maps and samples of the layer at this step share one range',
  steps: 'One range over all recorded steps: shows growth and decay',
};

export function NormalisationPicker() {
  return (
    <Segments
      label="The colour map spans"
      value={state.normalisation.value}
      choices={NORMALISATIONS.map((value) => ({
        value,
        title: value === 'steps' ? 'all steps' : value,
        hint: NORMALISATION_HINTS[value],
        testId: `normalisation-${value}`,
      }))}
      onChoose={(value) => {
        state.normalisation.value = value;
      }}
    />
  );
}

/** Of maps, unless it is told which entry of the state to change and what is shown. */
export function ColormapPicker({
  entry = colormapEntry.value,
  shown = currentColormap.value.name,
}: {
  entry?: Signal<ColormapName | null>;
  shown?: ColormapName;
}) {
  const group = (wanted: 'sequential' | 'diverging', label: string) => (
    <optgroup label={label}>
      {COLORMAP_NAMES.filter((name) => colormap(name).kind === wanted).map((name) => (
        <option key={name} value={name}>
          {COLORMAP_TITLES[name]}
        </option>
      ))}
    </optgroup>
  );
  return (
    <select
      class="select"
      data-testid="colormap-select"
      aria-label="Colour map"
      value={shown}
      onChange={(event) => {
        entry.value = event.currentTarget.value as ColormapName;
      }}
    >
      {group('sequential', 'From low to high')}
      {group('diverging', 'Either side of zero')}
    </select>
  );
}

const SIZE_TITLES: Record<(typeof TILE_SIZES)[number], string> = {
  auto: 'Fit',
  s: 'S',
  m: 'M',
  l: 'L',
};

export function SizePicker() {
  return (
    <Segments
      label="Size of the tiles"
      value={state.size.value}
      choices={TILE_SIZES.map((value) => ({ value, title: SIZE_TITLES[value] }))}
      onChoose={(value) => {
        state.size.value = value;
      }}
    />
  );
}

/** What a sample is called: its class, and else its number. */
export function sampleTitle(index: number): string {
  const label = sampleLabel(index);
  if (label === undefined) return `#${index}`;
  return data.value?.model.probe?.class_names[label] ?? String(label);
}

/** The samples of the maps as pictures, or by number where they are none. */
export function SamplePicker() {
  const count = sampleCount.value;
  if (count === 0 || !kind.value || isWeightKind(kind.value)) return null;
  const { answer: stacks, loading } = inputs.value;
  const batch = samplesStay.value ? 'the probe' : 'this step’s batch';
  return (
    <fieldset class={`samples ${loading ? 'stale' : ''}`} aria-label={`Sample of ${batch}`}>
      {Array.from({ length: count }, (_, index) => (
        <button
          key={index}
          type="button"
          data-testid="sample"
          data-sample={index}
          aria-pressed={index === sample.value}
          title={
            sampleLabel(index) === undefined
              ? `Sample ${index} of ${batch}`
              : `Sample ${index}, label ${sampleTitle(index)}`
          }
          onClick={() => {
            state.sample.value = index === 0 ? null : index;
          }}
        >
          <SampleMark stack={stacks?.[index]} index={index} />
          <span class="caption">{sampleTitle(index)}</span>
        </button>
      ))}
    </fieldset>
  );
}

function SampleMark({ stack, index }: { stack: Stack | undefined; index: number }) {
  return stack && isPicture(stack) ? (
    <InputPicture stack={stack} />
  ) : (
    <span class="number">{index}</span>
  );
}

export function isPicture(stack: Stack): boolean {
  return stack.height > 1 && stack.width > 1;
}

/** An input sample as the model saw it. */
export function InputPicture({ stack }: { stack: Stack }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (ref.current) drawPixels(ref.current, inputPixels(stack), stack.width, stack.height);
  }, [stack]);
  return <canvas ref={ref} class="picture" />;
}
