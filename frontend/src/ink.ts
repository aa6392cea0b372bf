/** Black or white, whichever is easier to read on a colour (WCAG's relative luminance). */
export function inkOn(pixel: number): string {
  const linear = (byte: number) => {
    const c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  const luminance =
    0.2126 * linear(pixel & 0xff) +
    0.7152 * linear((pixel >> 8) & 0xff) +
    0.0722 * linear((pixel >> 16) & 0xff);
  // Where black and white have the same contrast.
  return luminance > 0.179 ? '#000' : '#fff';
}
