/** Colour maps as tables: the file that the server reads, too. */
import document from '../../tensorboard_keract/drawing/colormaps.json';

export type ColormapName = keyof typeof document.colormaps;

export interface Colormap {
  name: ColormapName;
  kind: 'sequential' | 'diverging';
  /**
   * Pixels as the four bytes of ImageData, read as one little-endian number. All
   * platforms that run a browser with canvas are little-endian today.
   */
  pixels: Uint32Array;
}

/** What each map is called on the page. */
export const COLORMAP_TITLES: Record<ColormapName, string> = {
  viridis: 'Viridis',
  magma: 'Magma',
  inferno: 'Inferno',
  cividis: 'Cividis',
  gray: 'Gray',
  blue_red: 'Blue – red',
  blue_red_dark: 'Blue – red (dark)',
  purple_green: 'Purple – green',
};

export const COLORMAP_NAMES = Object.keys(document.colormaps) as ColormapName[];

export const SPECIAL_COLORS = {
  nan: document.special.nan,
  positiveInf: document.special.positive_inf,
  negativeInf: document.special.negative_inf,
};

export const SPECIAL_PIXELS = {
  nan: hexToPixel(document.special.nan.slice(1)),
  positiveInf: hexToPixel(document.special.positive_inf.slice(1)),
  negativeInf: hexToPixel(document.special.negative_inf.slice(1)),
};

const parsed = new Map<ColormapName, Colormap>();

export function colormap(name: ColormapName): Colormap {
  const known = parsed.get(name);
  if (known) return known;
  const { kind, colors } = document.colormaps[name];
  const pixels = new Uint32Array(colors.length / 6);
  for (let i = 0; i < pixels.length; i++)
    pixels[i] = hexToPixel(colors.slice(6 * i, 6 * i + 6));
  const map: Colormap = { name, kind: kind as Colormap['kind'], pixels };
  parsed.set(name, map);
  return map;
}

/** The map that is used where the reader has chosen none. */
export function defaultColormap(signed: boolean, dark: boolean): ColormapName {
  const { sequential, diverging, diverging_dark } = document.default;
  return (signed ? (dark ? diverging_dark : diverging) : sequential) as ColormapName;
}

/** `rrggbb` to the bytes r, g, b, 255 in memory order. */
export function hexToPixel(hex: string): number {
  const rgb = Number.parseInt(hex, 16);
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | ((rgb >> 16) & 0xff)) >>> 0;
}

/** A pixel as a CSS colour. */
export function pixelToCss(pixel: number): string {
  return `rgb(${pixel & 0xff} ${(pixel >> 8) & 0xff} ${(pixel >> 16) & 0xff})`;
}
