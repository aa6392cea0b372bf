/** The controls above the feature maps. */
import type { Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import {
  resetWindow,
  selectKind,
  selectSample,
  selectSamples,
  toggleSample,
} from '../actions';
import { COLORMAP_NAMES, COLORMAP_TITLES, type ColormapName, colormap } from '../colormaps';
import { NORMALISATIONS, type Normalisation } from '../domain';
import { plural } from '../format';
import { inputPixels } from '../heatmap';
import { colormapEntry, currentColormap, runDomains } from '../painting';
import { isWeightKind, KIND_TITLES, ownName, partTitle } from '../selection';
import { ARRANGEMENTS, KERNEL_PICTURES, state, TILE_SIZES } from '../state';
import { inputs } from '../maps_store';
import {
  chosenSamples,
  data,
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
        if (one !== path.value) resetWindow();
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
  runs: 'One range over all recorded steps of the checked runs: runs compare',
};

const NORMALISATION_TITLES: Record<Normalisation, string> = {
  map: 'map',
  layer: 'layer',
  steps: 'all steps',
  runs: 'all runs',
};

export function NormalisationPicker() {
  return (
    <Segments
      label="The colour map spans"
      value={state.normalisation.value}
      choices={NORMALISATIONS.map((value) => ({
        value,
        title: NORMALISATION_TITLES[value],
        hint: normalisationHint(value),
        testId: `normalisation-${value}`,
      }))}
      onChoose={(value) => {
        resetWindow();
        state.normalisation.value = value;
      }}
    />
  );
}

function normalisationHint(value: Normalisation): string {
  const hint = NORMALISATION_HINTS[value];
  if (value !== 'runs') return hint;
  return `${hint}. ${plural(runDomains.value.length, 'checked run')} with this tensor`;
}

/** Of maps, unless it is told which entry of the state to change and what is shown. */
export function ColormapPicker({
  entry = colormapEntry.value,
  shown = currentColormap.value.name,
  label = 'Colour map',
  testId = 'colormap-select',
}: {
  entry?: Signal<ColormapName | null>;
  shown?: ColormapName;
  label?: string;
  testId?: string;
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
      data-testid={testId}
      aria-label={label}
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
  one: '1:1',
  s: 'S',
  m: 'M',
  l: 'L',
};

export function SizePicker() {
  return (
    <Segments
      label="Size of the tiles"
      value={state.size.value}
      choices={TILE_SIZES.map((value) => ({
        value,
        title: SIZE_TITLES[value],
        testId: `size-${value}`,
        ...(value === 'one' && { hint: 'One CSS pixel for each value' }),
      }))}
      onChoose={(value) => {
        state.size.value = value;
      }}
    />
  );
}

export function ArrangementPicker() {
  return (
    <Segments
      label="Maps of one step, or of many"
      value={state.arrangement.value}
      choices={ARRANGEMENTS.map((value) => ({
        value,
        title: value,
        testId: `arrangement-${value}`,
        hint:
          value === 'maps'
            ? 'The maps at the scrubber’s step'
            : 'Channels over steps, side by side',
      }))}
      onChoose={(value) => {
        state.arrangement.value = value;
      }}
    />
  );
}

/** For kernels of three inputs. */
export function KernelPicturePicker() {
  return (
    <Segments
      label="How kernels are drawn"
      value={state.kernels.value}
      choices={KERNEL_PICTURES.map((value) => ({
        value,
        title: value === 'rgb' ? 'RGB' : 'in × out',
        testId: `kernels-${value}`,
        hint:
          value === 'rgb'
            ? 'The three inputs of a filter as red, green and blue'
            : 'A map for each input of each filter',
      }))}
      onChoose={(value) => {
        state.kernels.value = value;
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

const SEVERAL_HINT = 'Ctrl- or Shift-click, or Ctrl+Enter, adds or removes it';

/** The samples of the maps as pictures, or by number where they are none. */
export function SamplePicker() {
  const count = sampleCount.value;
  if (count === 0 || !kind.value || isWeightKind(kind.value)) return null;
  const { answer: stacks, loading } = inputs.value;
  const shown = chosenSamples.value;
  const several = shown.length > 1;
  const batch = samplesStay.value ? 'the probe' : 'this step’s batch';
  return (
    <fieldset class={`samples ${loading ? 'stale' : ''}`} aria-label={`Sample of ${batch}`}>
      {Array.from({ length: count }, (_, index) => (
        <button
          key={index}
          type="button"
          data-testid="sample"
          data-sample={index}
          aria-pressed={shown.includes(index)}
          aria-current={several && index === sample.value ? 'true' : undefined}
          title={`${
            sampleLabel(index) === undefined
              ? `Sample ${index} of ${batch}`
              : `Sample ${index}, label ${sampleTitle(index)}`
          }. ${SEVERAL_HINT}`}
          onClick={(event) => {
            if (event.shiftKey || event.ctrlKey || event.metaKey) toggleSample(index);
            else selectSample(index);
          }}
          // A key's click does not say which others were down.
          onKeyDown={(event) => {
            if (event.key !== 'Enter' && event.key !== ' ') return;
            if (!event.shiftKey && !event.ctrlKey && !event.metaKey) return;
            event.preventDefault();
            toggleSample(index);
          }}
        >
          <SampleMark stack={stacks?.[index]} index={index} />
          <span class="caption">{sampleTitle(index)}</span>
        </button>
      ))}
      {count > 1 && (
        <button
          type="button"
          class="all"
          data-testid="sample-all"
          aria-pressed={shown.length === count}
          title={
            shown.length === count ? 'Show one sample' : 'Show all samples side by side'
          }
          onClick={() => {
            if (shown.length === count) selectSample(sample.value);
            else selectSamples([...Array(count).keys()], sample.value);
          }}
        >
          all
        </button>
      )}
    </fieldset>
  );
}

export function SampleMark({ stack, index }: { stack: Stack | undefined; index: number }) {
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

/** Shows the numbers behind a picture. */
export function TableButton({ title }: { title: string }) {
  const shown = state.table.value;
  return (
    <button
      type="button"
      class="button toggle"
      aria-pressed={shown}
      title={title}
      data-testid="table-toggle"
      onClick={() => {
        state.table.value = !shown;
      }}
    >
      Table
    </button>
  );
}
