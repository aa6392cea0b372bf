/** With which colours and over which values heatmaps are painted. */
import { type Colormap, colormap, defaultColormap } from './colormaps';
import { symmetric } from './domain';
import type { Domain } from './heatmap';
import { greatestOverSteps } from './heat_store';
import { isSignedHeat } from './methods';
import {
  enlargement,
  greatest,
  heatDomain,
  heatValues,
  imagePicture,
  isImage,
} from './overlay';
import { state } from './state';
import { dark } from './theme';
import type { Stack, TensorHeader } from './wire_format';

/** Whether a heatmap has rows and columns; else it is along one axis. */
export function isFlat(header: TensorHeader): boolean {
  return header.height_axis !== '';
}

/** The colour map of heatmaps with a sign, or without. */
export function heatColormap(signed: boolean, flat: boolean): Colormap {
  const chosen = signed || !flat ? state.signed.value : state.heatColormap.value;
  // On the page itself, and not on a picture, zero has the colour of the page.
  const own = !flat || (signed && state.picture.value === 'heatmap');
  const usual = signed ? 'blue_red' : 'inferno';
  return colormap(chosen ?? (own ? defaultColormap(true, dark.value) : usual));
}

export interface HeatPainting {
  map: Colormap;
  domain: Domain;
  signed: boolean;
  /** In the size of what is drawn, [height, width]. */
  values: Float32Array;
  height: number;
  width: number;
  /** What it lies on; undefined where the input is no image. */
  image: Uint32Array | undefined;
}

const tops = new WeakMap<Float32Array, number>();

function topOf(values: Float32Array): number {
  let top = tops.get(values);
  if (top === undefined) {
    top = greatest(values);
    tops.set(values, top);
  }
  return top;
}

/** How a heatmap is painted under the reader's choices. */
export function heatPainting(stack: Stack, input: Stack | undefined): HeatPainting {
  const flat = isFlat(stack.header);
  const picture = flat && input && isImage(input) ? imagePicture(input) : undefined;
  const times = flat ? enlargement(stack.height, stack.width) : 1;
  const [height, width] = picture
    ? [picture.height, picture.width]
    : flat
      ? [stack.height * times, stack.width * times]
      : [1, input && input.width > stack.width ? input.width : stack.width];
  const values = heatValues(stack, [height, width], !state.pixelated.value);
  const signed = isSignedHeat(stack.header);
  const shared =
    state.range.value === 'steps' ? greatestOverSteps(stack.header.path) : undefined;
  const map = heatColormap(signed, flat);
  const domain = heatDomain(shared ?? topOf(values), signed);
  return {
    map,
    domain: map.kind === 'diverging' ? symmetric(domain) : domain,
    signed,
    values,
    height,
    width,
    image: picture?.pixels,
  };
}
