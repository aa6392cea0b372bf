/** With which colours and over which values the current maps are painted. */
import { computed } from '@preact/signals';
import { type Colormap, colormap, defaultColormap } from './colormaps';
import {
  isSigned,
  layerDomain,
  mapDomain,
  type Normalisation,
  stepsDomain,
  symmetric,
} from './domain';
import type { Domain } from './heatmap';
import { rowOf } from './selection';
import { state } from './state';
import { statisticOverSteps } from './statistics';
import { data, kind } from './store';
import { dark } from './theme';
import type { Stack } from './wire_format';

/** Whether the kind on the page has a natural zero. */
export const signed = computed(() => isSigned(kind.value ?? ''));

/** The entry of the state that the colour map menu changes. */
export const colormapEntry = computed(() => (signed.value ? state.signed : state.colormap));

export const currentColormap = computed<Colormap>(() =>
  colormap(colormapEntry.value.value ?? defaultColormap(signed.value, dark.value)),
);

/** Zero is at the centre: of a signed kind, or where the reader chose a diverging map. */
export const centred = computed(
  () => signed.value || currentColormap.value.kind === 'diverging',
);

export interface Painting {
  map: Colormap;
  normalisation: Normalisation;
  /** What all maps share; undefined where each has its own. */
  shared: Domain | undefined;
  domainOf: (channel: number) => Domain;
}

/** How a stack is painted under the reader's choices. */
export function paintingOf(stack: Stack): Painting {
  const map = currentColormap.value;
  const centre = (domain: Domain) => (centred.value ? symmetric(domain) : domain);
  let normalisation = state.normalisation.value;
  let shared: Domain | undefined;
  if (normalisation === 'steps') {
    const over = allStepsDomain(stack);
    if (over) shared = centre(over);
    else normalisation = 'layer';
  }
  if (normalisation === 'layer') shared = centre(layerDomain(stack.header));
  return {
    map,
    normalisation,
    shared,
    domainOf: (channel) => shared ?? centre(mapDomain(stack, channel)),
  };
}

function allStepsDomain(stack: Stack): Domain | undefined {
  const known = data.value;
  if (!known?.statistics) return undefined;
  const { kind, path } = stack.header;
  const row = rowOf(known.model.rows, kind, path);
  return stepsDomain(
    statisticOverSteps(known.model, known.statistics, row, 'min'),
    statisticOverSteps(known.model, known.statistics, row, 'max'),
  );
}
