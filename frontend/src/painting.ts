/** With which colours and over which values the current maps are painted. */
import { computed } from '@preact/signals';
import { areShares } from './attention';
import { type Colormap, colormap, defaultColormap } from './colormaps';
import {
  type DomainWindow,
  isSigned,
  layerDomain,
  mapDomain,
  type Normalisation,
  stepsDomain,
  symmetric,
  union,
  windowed,
} from './domain';
import type { Domain } from './heatmap';
import { rowOf } from './selection';
import { state } from './state';
import { statisticOverSteps } from './statistics';
import { data, kind, path, type RunData, runData, shownRuns } from './store';
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

/** The ends that the reader has set. */
export const domainWindow = computed<DomainWindow>(() => ({
  low: state.low.value,
  high: state.high.value,
}));

export interface Painting {
  map: Colormap;
  normalisation: Normalisation;
  /** What the reader's window lies in: the shared domain without it, or the layer's. */
  base: Domain;
  /** What all maps share; undefined where each has its own. */
  shared: Domain | undefined;
  /** Whether that is the same at every step. */
  steady: boolean;
  /** Of a channel; of this stack unless another of the same step is given. */
  domainOf: (channel: number, of?: Stack) => Domain;
}

/** What shares can be, at any step of any run. */
const WHOLE: Domain = { low: 0, high: 1 };

/** How a stack is painted under the reader's choices. */
export function paintingOf(stack: Stack): Painting {
  const window = domainWindow.value;
  const centre = (domain: Domain) => (centred.value ? symmetric(domain) : domain);
  const through = (domain: Domain) => windowed(domain, window, centred.value);
  let normalisation = state.normalisation.value;
  const shares = areShares(stack.header);
  const wide = shares
    ? WHOLE
    : normalisation === 'runs'
      ? union(runDomains.value)
      : allStepsDomain.value;
  if ((normalisation === 'steps' || normalisation === 'runs') && !wide)
    normalisation = 'layer';
  const steady = normalisation === 'steps' || normalisation === 'runs';
  const found = (steady ? wide : undefined) ?? layerDomain(stack.header);
  // A share has a natural zero, however much the least one is.
  const base = centre(shares ? { low: 0, high: found.high } : found);
  const { low, high } = window;
  const whole = centred.value
    ? low !== null || high !== null
    : low !== null && high !== null;
  const shared = normalisation !== 'map' || whole ? through(base) : undefined;
  return {
    map: currentColormap.value,
    normalisation,
    base,
    shared,
    steady: steady || whole,
    domainOf: (channel, of = stack) => shared ?? through(centre(mapDomain(of, channel))),
  };
}

const allStepsDomain = computed(() => data.value && runDomain(data.value));

/** The same of each shown run that has the tensor. */
export const runDomains = computed<Domain[]>(() =>
  shownRuns.value.flatMap((run) => {
    const known = runData.value.get(run);
    return known && !(known instanceof Error) ? (runDomain(known) ?? []) : [];
  }),
);

/** What the tensor on the page spans over all steps of a run. */
function runDomain({ model, statistics }: RunData): Domain | undefined {
  if (!statistics || kind.value === undefined || path.value === undefined) return undefined;
  const row = rowOf(model.rows, kind.value, path.value);
  return stepsDomain(
    statisticOverSteps(model, statistics, row, 'min'),
    statisticOverSteps(model, statistics, row, 'max'),
  );
}
