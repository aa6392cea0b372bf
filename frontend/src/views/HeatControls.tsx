/** The controls above the heatmaps. */
import { formatValue } from '../format';
import { heatColormap, heatPainting, isFlat } from '../heat_painting';
import {
  allMethods,
  film,
  filmMethod,
  grid,
  greatestOverSteps,
  shownMethods,
  shownRows,
} from '../heat_store';
import { inputs } from '../maps_store';
import { isSignedHeat, methodTitle } from '../methods';
import { HEAT_ARRANGEMENTS, HEAT_PICTURES, HEAT_RANGES, state } from '../state';
import { sample, sampleCount } from '../store';
import type { Colormap } from '../colormaps';
import { type Domain, legendPixels } from '../heatmap';
import type { Stack } from '../wire_format';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { ColormapPicker, SampleMark, sampleTitle, Segments } from './Controls';
import { Opacity } from './Opacity';
import { drawPixels } from './Plane';

const ARRANGEMENT_TITLES: Record<(typeof HEAT_ARRANGEMENTS)[number], [string, string]> = {
  grid: ['one step', 'Samples by methods, at the scrubber’s step'],
  methods: ['methods over steps', 'One sample by all methods, step by step'],
  samples: ['samples over steps', 'All samples by one method, step by step'],
};

export function HeatArrangement() {
  return (
    <Segments
      label="Heatmaps of one step, or of many"
      value={state.heatmaps.value}
      choices={HEAT_ARRANGEMENTS.map((value) => ({
        value,
        title: ARRANGEMENT_TITLES[value][0],
        hint: ARRANGEMENT_TITLES[value][1],
        testId: `heatmaps-${value}`,
      }))}
      onChoose={(value) => {
        state.heatmaps.value = value;
      }}
    />
  );
}

/** All heatmaps at hand, whatever their arrangement. */
export function shownHeat(): { stack: Stack; input: Stack | undefined }[] {
  const { value } = state.heatmaps;
  const columns =
    value === 'grid' ? (grid.value.answer?.columns ?? []) : (film.value.answer?.rows ?? []);
  return columns.flatMap(({ stacks, inputs }) =>
    stacks.flatMap((stack, i) => (stack ? [{ stack, input: inputs[i] }] : [])),
  );
}

const PICTURE_TITLES: Record<(typeof HEAT_PICTURES)[number], [string, string]> = {
  overlay: ['overlay', 'The heatmap over the image'],
  heatmap: ['heatmap', 'The heatmap alone'],
  image: ['image', 'The image alone. O goes there and back'],
};

/** What is drawn, in which colours, how opaque and over which values. */
export function HeatLook() {
  const heat = shownHeat();
  const flat = heat.some(({ stack }) => isFlat(stack.header));
  const hasSigned = heat.some(({ stack }) => isSignedHeat(stack.header));
  const hasPlain = heat.some(({ stack }) => !isSignedHeat(stack.header));
  return (
    <>
      <Segments
        label="What is drawn"
        value={state.picture.value}
        choices={HEAT_PICTURES.map((value) => ({
          value,
          title: value === 'image' && !flat ? 'input' : PICTURE_TITLES[value][0],
          hint: PICTURE_TITLES[value][1],
          testId: `picture-${value}`,
        }))}
        onChoose={(value) => {
          state.picture.value = value;
        }}
      />
      <Opacity disabled={state.picture.value !== 'overlay'} />
      {flat && hasPlain && (
        <ColormapPicker entry={state.heatColormap} shown={heatColormap(false, flat).name} />
      )}
      {(hasSigned || !flat) && (
        <ColormapPicker
          entry={state.signed}
          shown={heatColormap(true, flat).name}
          label="Colour map of signed heatmaps"
          testId="colormap-signed"
        />
      )}
      <Segments
        label="The colours span"
        value={state.range.value}
        choices={HEAT_RANGES.map((value) => ({
          value,
          title: value === 'map' ? 'heatmap' : 'all steps',
          hint:
            value === 'map'
              ? 'Each heatmap spans its own values: where, not how much'
              : 'One range for a method over all steps and samples: growth shows',
          testId: `range-${value}`,
        }))}
        onChoose={(value) => {
          state.range.value = value;
        }}
      />
      <Segments
        label="Between the recorded values"
        value={state.pixelated.value ? 'as recorded' : 'smooth'}
        choices={[
          {
            value: 'smooth',
            title: 'smooth',
            hint: 'Interpolated between the recorded values',
            testId: 'smooth',
          },
          {
            value: 'as recorded',
            title: 'as recorded',
            hint: 'Each recorded value as a square',
            testId: 'pixelated',
          },
        ]}
        onChoose={(value) => {
          state.pixelated.value = value === 'as recorded';
        }}
      />
    </>
  );
}

/** Which methods, which samples. */
export function HeatChoices() {
  return (
    <>
      <MethodPicker />
      <span class="space" />
      <RowPicker />
    </>
  );
}

/** A click shows or hides a method; over steps, sample by sample, it chooses one. */
function MethodPicker() {
  const all = allMethods.value;
  if (all.length < 2) return null;
  const one = state.heatmaps.value === 'samples' ? filmMethod.value : undefined;
  const shown = shownMethods.value;
  return (
    <fieldset class="segments" aria-label="Methods">
      {all.map((path) => {
        const on = one === undefined ? shown.includes(path) : path === one;
        return (
          <button
            key={path}
            type="button"
            data-testid="method"
            data-method={path}
            aria-pressed={on}
            title={
              one === undefined
                ? `${on ? 'Hides' : 'Shows'} ${methodTitle(path)}`
                : `Shows ${methodTitle(path)}`
            }
            onClick={() => {
              if (one !== undefined) {
                state.method.value = path;
                if (!shown.includes(path)) state.methods.value = null;
                return;
              }
              const next = on ? shown.filter((other) => other !== path) : [...shown, path];
              // The last one stays.
              if (next.length > 0)
                state.methods.value = next.length === all.length ? null : next;
            }}
          >
            {methodTitle(path)}
          </button>
        );
      })}
    </fieldset>
  );
}

const SEVERAL_HINT = 'Ctrl- or Shift-click, or Ctrl+Enter, adds or removes it';

/** Which samples are shown; of methods over steps, which one. */
function RowPicker() {
  const count = sampleCount.value;
  if (count < 2) return null;
  const single = state.heatmaps.value === 'methods';
  const shown = single ? [sample.value] : shownRows.value;
  // A run without a model names no inputs; those beside its heatmaps will do.
  const own = new Map(shownHeat().map(({ input }) => [input?.index, input]));
  const toggle = (index: number) => {
    const next = shown.includes(index)
      ? shown.filter((one) => one !== index)
      : [...shown, index].sort((a, b) => a - b);
    if (next.length > 0) state.rows.value = next;
  };
  const choose = (index: number) => {
    if (single) {
      state.samples.value = null;
      state.sample.value = index === 0 ? null : index;
    } else state.rows.value = [index];
  };
  return (
    <fieldset class="samples" aria-label="Samples">
      {Array.from({ length: count }, (_, index) => (
        <button
          key={index}
          type="button"
          data-testid="row"
          data-sample={index}
          aria-pressed={shown.includes(index)}
          title={`Sample ${index}${single ? '' : `. ${SEVERAL_HINT}`}`}
          onClick={(event) => {
            if (!single && (event.shiftKey || event.ctrlKey || event.metaKey))
              toggle(index);
            else choose(index);
          }}
          // A key's click does not say which others were down.
          onKeyDown={(event) => {
            if (single || event.key !== 'Enter') return;
            if (!event.shiftKey && !event.ctrlKey && !event.metaKey) return;
            event.preventDefault();
            toggle(index);
          }}
        >
          <SampleMark
            stack={inputs.value.answer?.[index] ?? own.get(index)}
            index={index}
          />
          <span class="caption">{sampleTitle(index)}</span>
        </button>
      ))}
      {!single && (
        <button
          type="button"
          class="all"
          data-testid="row-all"
          aria-pressed={shown.length === count}
          onClick={() => {
            state.rows.value =
              shown.length === count ? [0] : Array.from({ length: count }, (_, i) => i);
          }}
        >
          all
        </button>
      )}
    </fieldset>
  );
}

/** What the colours mean. */
export function HeatLegend() {
  const heat = shownHeat();
  const kinds = [false, true].flatMap((signed) => {
    const of = heat.filter(({ stack }) => isSignedHeat(stack.header) === signed);
    const [first] = of;
    if (!first) return [];
    const { map, domain } = heatPainting(first.stack, first.input);
    const paths = new Set(of.map(({ stack }) => stack.header.path));
    const shared = state.range.value === 'steps' && paths.size === 1;
    const top = shared ? greatestOverSteps(first.stack.header.path) : undefined;
    return [{ signed, map, domain, top }];
  });
  const [low, high] = ['against', 'for'];
  return (
    <span class="legend" data-testid="heat-legend">
      {kinds.map(({ signed, map, domain, top }) => {
        const end = top === undefined ? 'most' : formatValue(top, 2);
        return (
          <span
            key={String(signed)}
            class="heat-legend"
            title={
              signed
                ? 'Below zero speaks against what is explained, above for it'
                : 'The greater, the more it counts'
            }
          >
            <span>{signed ? `${low} ${top === undefined ? '' : `−${end}`}` : '0'}</span>
            <LegendBar domain={domain} map={map} from={signed ? domain.low : 0} />
            <span>{signed ? `${top === undefined ? '' : end} ${high}` : end}</span>
          </span>
        );
      })}
    </span>
  );
}

const LEGEND_COLORS = 128;

/** The colours of what there is of a domain: without a sign, its half above zero. */
function LegendBar({ domain, map, from }: { domain: Domain; map: Colormap; from: number }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const track = { low: from, high: domain.high };
    const pixels = legendPixels(domain, map, LEGEND_COLORS, track);
    if (ref.current) drawPixels(ref.current, pixels, LEGEND_COLORS, 1);
  }, [domain.low, domain.high, map, from]);
  return (
    <span class="bar">
      <canvas ref={ref} />
    </span>
  );
}
