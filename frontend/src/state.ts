/**
 * What the reader has chosen: one list, each entry a signal and a key of the URL.
 *
 * The URL is TensorBoard's own, `#keract&p.keract.<key>=<value>&…`, so that a link
 * brings back the exact picture; in a page of its own it is this document's hash.
 */
import { batch, effect, type Signal, signal } from '@preact/signals';
import { COLORMAP_NAMES, type ColormapName } from './colormaps';
import { NORMALISATIONS } from './domain';
import { INITIAL_THRESHOLDS } from './rules';
import { ALIGNMENTS } from './alignment';
import { FILTERS, ORDERS } from './order';
import { KINDS } from './selection';
import { VALUE_AXES } from './value_axis';

interface Entry<T> {
  signal: Signal<T>;
  initial: T;
  parse: (text: string) => T | undefined;
  format: (value: T) => string;
}

function text(initial: string): Entry<string> {
  return { signal: signal(initial), initial, parse: (t) => t, format: (v) => v };
}

function oneOf<T extends string>(values: readonly T[], initial: T): Entry<T> {
  const parse = (t: string) => values.find((v) => v === t);
  return { signal: signal<T>(initial), initial, parse, format: (v) => v };
}

/** A whole number, or null. */
function count(): Entry<number | null> {
  return {
    signal: signal<number | null>(null),
    initial: null,
    parse: (t) => (/^-?\d{1,15}$/.test(t) ? Number(t) : undefined),
    format: (v) => (v === null ? '' : String(v)),
  };
}

/** A threshold: a positive number. */
function positive(initial: number): Entry<number> {
  return {
    signal: signal(initial),
    initial,
    parse: (t) => (Number(t) > 0 && Number.isFinite(Number(t)) ? Number(t) : undefined),
    format: String,
  };
}

function flag(): Entry<boolean> {
  return {
    signal: signal(false),
    initial: false,
    parse: (t) => t === '1',
    format: (v) => (v ? '1' : ''),
  };
}

/** Any finite number, or null. */
function decimal(): Entry<number | null> {
  return {
    signal: signal<number | null>(null),
    initial: null,
    parse: (t) => (t.trim() && Number.isFinite(Number(t)) ? Number(t) : undefined),
    format: (v) => (v === null ? '' : String(v)),
  };
}

/** 0 to 1. */
function share(initial: number): Entry<number> {
  return {
    signal: signal(initial),
    initial,
    parse: (t) => (t.trim() && Number(t) >= 0 && Number(t) <= 1 ? Number(t) : undefined),
    format: String,
  };
}

/** Whole numbers from 0, or null; none is null as well. */
function counts(): Entry<readonly number[] | null> {
  return {
    signal: signal<readonly number[] | null>(null),
    initial: null,
    parse: (t) => (/^\d{1,9}(,\d{1,9})*$/.test(t) ? t.split(',').map(Number) : undefined),
    format: (v) => v?.join(',') ?? '',
  };
}

function maybe<T extends string>(values: readonly T[]): Entry<T | null> {
  return {
    signal: signal<T | null>(null),
    initial: null,
    parse: (t) => values.find((v) => v === t),
    format: (v) => v ?? '',
  };
}

/** Names, or null. An empty list is a lone comma, which no name can be. */
function list(): Entry<readonly string[] | null> {
  return {
    signal: signal<readonly string[] | null>(null),
    initial: null,
    parse: (t) => t.split(',').filter(Boolean).map(decodeURIComponent),
    format: (v) => (v ? v.map(encodeURIComponent).join(',') || ',' : ''),
  };
}

export const VIEWS = ['overview', 'maps', 'heatmaps', 'histograms'] as const;
/** Heatmaps of one step, or over steps: of each method, or of each sample. */
export const HEAT_ARRANGEMENTS = ['grid', 'methods', 'samples'] as const;
/** The heatmap over the image, or one of them alone. */
export const HEAT_PICTURES = ['overlay', 'heatmap', 'image'] as const;
export const HEAT_RANGES = ['map', 'steps'] as const;
export const MATRICES = ['runs', 'layers'] as const;
export const LAYER_MODES = ['tree', 'graph'] as const;
export const COMPARISONS = ['side', 'swipe', 'flicker'] as const;
export const HISTOGRAM_COMPARISONS = ['overlay', ...COMPARISONS] as const;
export const PAIR_ORDERS = ['distance', 'model'] as const;
export const HISTOGRAM_MODES = ['offset', 'overlay', 'percentiles', 'heatmap'] as const;
export const HISTOGRAM_SCOPES = ['layer', 'all'] as const;
export const TILE_SIZES = ['auto', 'one', 's', 'm', 'l'] as const;
export const ARRANGEMENTS = ['maps', 'filmstrip'] as const;
/** Steps a second while playing. */
export const PLAY_SPEEDS = ['1', '2', '5', '10', '20'] as const;
export const KERNEL_PICTURES = ['planes', 'rgb'] as const;

export const entries = {
  /** Which tab. */
  view: oneOf(VIEWS, 'maps'),
  /** The run whose maps are shown; empty is the first. */
  run: text(''),
  /** Runs beside it, whose loss is drawn behind the step axis; null is the first few. */
  beside: list(),
  /** What lines runs up on the step axis. */
  align: oneOf(ALIGNMENTS, 'step'),
  /** The layer, by path; empty is the first with maps. */
  layer: text(''),
  /** How the layers are listed. */
  layers: oneOf(LAYER_MODES, 'tree'),
  /** What of the layer the feature maps show. */
  kind: oneOf(KINDS, 'activation'),
  /** Which of the layer's tensors of that kind, by own name; empty is the first. */
  part: text(''),
  /** How many steps a second are played. */
  speed: oneOf(PLAY_SPEEDS, '5'),
  /** The recorded step; null is the newest, also when newer ones come. */
  step: count(),
  /** Which probe sample; null is the first. Of several, the one in the details. */
  sample: count(),
  /** Samples that are shown beside it; null is none. */
  samples: counts(),
  /** Which of the model's outputs predicts, by path; empty is the first. */
  output: text(''),
  /** Colour map for values without a natural zero; null is the default. */
  colormap: maybe<ColormapName>(COLORMAP_NAMES),
  /** Colour map for gradients and weights; null is the default of the theme. */
  signed: maybe<ColormapName>(COLORMAP_NAMES),
  /** Over what the colour map spans. */
  normalisation: oneOf(NORMALISATIONS, 'layer'),
  /** The ends of the colour map that the reader has set; null is as normalised. */
  low: decimal(),
  high: decimal(),
  /** Whether all that is known of the shown tensor stands above it. */
  about: flag(),
  /** By what the maps are sorted. */
  order: oneOf(ORDERS, 'index'),
  /** The step since which a change counts; null is none. */
  pin: count(),
  /** Which maps are left out. */
  filter: oneOf(FILTERS, 'all'),
  /** The maps of one step, or of many side by side. */
  arrangement: oneOf(ARRANGEMENTS, 'maps'),
  /** How kernels of three inputs are drawn. */
  kernels: oneOf(KERNEL_PICTURES, 'planes'),
  /** The channel that the details show; null is none. */
  tile: count(),
  /** The query whose keys the details show, of an attention; null is the first. */
  query: count(),
  /** How large tiles are; auto fills the width, one has a CSS pixel for each value. */
  size: oneOf(TILE_SIZES, 'auto'),
  /** Whether feature maps lie over the image that the model sees. */
  onImage: flag(),
  /** Heatmaps at a step, or over steps. */
  heatmaps: oneOf(HEAT_ARRANGEMENTS, 'grid'),
  /** The methods whose heatmaps are shown, by path; null is all. */
  methods: list(),
  /** The one that is shown over steps; empty is the first. */
  method: text(''),
  /** The samples whose heatmaps are shown; null is the first few. */
  rows: counts(),
  /** The method of the heatmap in the details; empty is none. */
  heat: text(''),
  /** The heatmap over the image, or one of them alone. */
  picture: oneOf(HEAT_PICTURES, 'overlay'),
  /** Of a heatmap's greatest value over the image. */
  opacity: share(0.7),
  /** Whether heatmaps show the values that were recorded, not what lies between. */
  pixelated: flag(),
  /** Over what a heatmap's colours span. */
  range: oneOf(HEAT_RANGES, 'map'),
  /** Colour map of heatmaps without a sign; null is the default. */
  heatColormap: maybe<ColormapName>(COLORMAP_NAMES),
  /** How histograms are drawn. */
  mode: oneOf(HISTOGRAM_MODES, 'offset'),
  /** Which table row the histograms show, as `kind` or `kind/own name`; empty is the first. */
  tensor: text(''),
  /** The axis of a histogram's values. */
  axis: oneOf(VALUE_AXES, 'symlog'),
  /** Histograms of the layer, or small ones of all layers. */
  scope: oneOf(HISTOGRAM_SCOPES, 'layer'),
  /** Whether the numbers behind histograms, or maps, stand beside them. */
  table: flag(),
  /** The statistic that the overview shows. */
  statistic: text('l2_norm'),
  /** Of which tensors; null is the first kind that the run has. */
  tensors: maybe(KINDS),
  /** Whether the overview goes run by run, or layer by layer. */
  matrix: oneOf(MATRICES, 'runs'),
  /** Whether the shown run and step, A, are compared with B. */
  compare: flag(),
  /** How maps are compared. */
  comparison: oneOf(COMPARISONS, 'side'),
  /** How histograms are compared. */
  histogramComparison: oneOf(HISTOGRAM_COMPARISONS, 'overlay'),
  /** How compared histograms of all layers are sorted. */
  pairOrder: oneOf(PAIR_ORDERS, 'distance'),
  /** B's run; empty is the first beside A's, or A's own. */
  versus: text(''),
  /** B's step; null is that at A's place, in A's own run the first. */
  versusStep: count(),
  /** The layers whose lines are drawn; null is the chosen one. */
  lines: list(),
  /** Whether the overview's numbers are shown as a table. */
  numbers: flag(),
  /** How wide and high the reader has made panels, in CSS pixels; null is as it suits. */
  sideWidth: count(),
  detailsWidth: count(),
  runsHeight: count(),
  /** The alerts' thresholds; see `alerts.ts`. */
  exploding: positive(INITIAL_THRESHOLDS.exploding),
  vanishing: positive(INITIAL_THRESHOLDS.vanishing),
  dead: positive(INITIAL_THRESHOLDS.dead),
  saturated: positive(INITIAL_THRESHOLDS.saturated),
  still: positive(INITIAL_THRESHOLDS.still),
};

type Entries = typeof entries;
type Key = keyof Entries;

/** The signals alone, by key. */
export const state = Object.fromEntries(
  Object.entries(entries).map(([key, entry]) => [key, entry.signal]),
) as { [K in Key]: Entries[K]['signal'] };

const PREFIX = 'p.keract.';

// Scrubbing changes the state many times a second; browsers refuse more than some
// hundred changes of the address in half a minute, and each takes milliseconds.
const URL_DELAY_MS = 200;

/** The values in a hash, by key; keys of other plugins are left alone. */
export function parseHash(hash: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const part of hash.replace(/^#/, '').split('&')) {
    const at = part.indexOf('=');
    if (!part.startsWith(PREFIX) || at < 0) continue;
    try {
      found.set(part.slice(PREFIX.length, at), decodeURIComponent(part.slice(at + 1)));
    } catch {
      // A broken escape: as if the key were not there.
    }
  }
  return found;
}

/** What of a hash is ours; empty without any key of ours. */
function ourPart(hash: string): string {
  return [...parseHash(hash)].map((entry) => entry.join('=')).join('&');
}

/** `hash` with our keys replaced by these values, other parts kept. */
export function formatHash(hash: string, values: ReadonlyMap<string, string>): string {
  const others = hash
    .replace(/^#/, '')
    .split('&')
    .filter((part) => part && !part.startsWith(PREFIX));
  const ours = [...values].map(
    ([key, value]) => `${PREFIX}${key}=${encodeURIComponent(value)}`,
  );
  return `#${[...others, ...ours].join('&')}`;
}

/**
 * What differs from a fresh page, and the view, as the URL has it. Reads every signal.
 *
 * With the view an address of ours is never without a key; see `bindUrl`.
 */
export function stateValues(): Map<string, string> {
  const values = new Map<string, string>();
  for (const [key, entry] of Object.entries(entries) as [string, Entry<unknown>][]) {
    const value = entry.format(entry.signal.value);
    if (key === 'view' || value !== entry.format(entry.initial)) values.set(key, value);
  }
  return values;
}

/** Sets every entry from these values; what is absent or malformed is as on a fresh page. */
export function applyValues(values: ReadonlyMap<string, string>): void {
  batch(() => {
    for (const [key, entry] of Object.entries(entries) as [string, Entry<unknown>][]) {
      const given = values.get(key);
      const parsed = given === undefined ? undefined : entry.parse(given);
      const next = parsed === undefined ? entry.initial : parsed;
      // Lists compare by what they say, so that an equal one wakes nobody.
      if (entry.format(entry.signal.peek()) !== entry.format(next))
        entry.signal.value = next;
    }
  });
}

/** The window whose address is the reader's: TensorBoard's, where it may be touched. */
export function addressWindow(): Window {
  try {
    // Throws where the parent is of another origin.
    if (window.parent !== window && typeof window.parent.location.hash === 'string') {
      return window.parent;
    }
  } catch {
    // Own address, below.
  }
  return window;
}

/** Reads the URL now, then keeps it and the state the same, both ways. */
export function bindUrl(): () => void {
  const owner = addressWindow();
  applyValues(parseHash(owner.location.hash));
  let view: string = state.view.peek();
  // Our part of the address when it was last read or written.
  let known = ourPart(owner.location.hash);
  const write = (values: ReadonlyMap<string, string>) => {
    try {
      // On another tab of TensorBoard the address is not ours to write.
      if (owner !== window && !/^#?(keract|$)/.test(owner.location.hash)) return;
      const next = formatHash(
        owner.location.hash || (owner === window ? '' : '#keract'),
        values,
      );
      if (next === owner.location.hash) return;
      // Another view is a place to come back from; other choices change the place.
      const moved = view !== values.get('view');
      view = values.get('view') ?? view;
      if (moved) owner.history.pushState(owner.history.state, '', next);
      else owner.history.replaceState(owner.history.state, '', next);
      known = ourPart(next);
    } catch {
      // A parent that forbids it: links lose the state, the page works on.
    }
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stopWriting = effect(() => {
    const values = stateValues();
    clearTimeout(timer);
    timer = setTimeout(() => {
      const ours = ourPart(owner.location.hash);
      // A link that was followed since: its event is on the way, and counts.
      if (ours === '' || ours === known) write(values);
    }, URL_DELAY_MS);
  });
  const read = () => {
    known = ourPart(owner.location.hash);
    const values = parseHash(owner.location.hash);
    // TensorBoard drops our keys when the reader leaves the tab; that is no wish, so
    // they are put back when the reader returns.
    if (values.size > 0) {
      applyValues(values);
      view = state.view.peek();
    } else write(stateValues());
  };
  owner.addEventListener('hashchange', read);
  return () => {
    stopWriting();
    clearTimeout(timer);
    owner.removeEventListener('hashchange', read);
  };
}
