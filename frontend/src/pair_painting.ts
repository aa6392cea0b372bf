/** With which colours and over which values A, B and their difference are painted. */
import { type Colormap, colormap, defaultColormap } from './colormaps';
import { symmetric } from './domain';
import type { Domain } from './heatmap';
import { paintingOf } from './painting';
import { state } from './state';
import { dark } from './theme';
import type { Stack } from './wire_format';

export interface Pair {
  a: Stack;
  b: Stack;
  difference: Stack | undefined;
  /** What A and B share, and what their difference spans. */
  domainOf: (channel: number) => Domain;
  differenceOf: (channel: number) => Domain;
  map: Colormap;
  differenceMap: Colormap;
}

export function pairOf(a: Stack, b: Stack, difference: Stack | undefined): Pair {
  const [here, there] = [paintingOf(a), paintingOf(b)];
  const own = (channel: number) => symmetric(rangeOf(difference, [channel]));
  const all = symmetric(rangeOf(difference, difference?.low.keys() ?? []));
  return {
    a,
    b,
    difference,
    domainOf: (channel) => union(here.domainOf(channel), there.domainOf(channel)),
    differenceOf: (channel) => (here.normalisation === 'map' ? own(channel) : all),
    map: here.map,
    differenceMap: colormap(state.signed.value ?? defaultColormap(true, dark.value)),
  };
}

function rangeOf(stack: Stack | undefined, channels: Iterable<number>): Domain {
  const domain = { low: 0, high: 0 };
  for (const channel of channels) {
    domain.low = Math.min(domain.low, stack?.low[channel] ?? 0);
    domain.high = Math.max(domain.high, stack?.high[channel] ?? 0);
  }
  return domain;
}

function union(one: Domain, other: Domain): Domain {
  return { low: Math.min(one.low, other.low), high: Math.max(one.high, other.high) };
}
