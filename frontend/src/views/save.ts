/** Files for the reader, made by the page itself. */

export function save(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // After the browser has begun to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A name for a file of some parts; what file systems dislike becomes an underscore. */
export function fileName(
  parts: readonly (string | false | undefined)[],
  ending: string,
): string {
  const stem = parts.filter(Boolean).join('_');
  return `${stem.replace(/[^\p{L}\p{N}.+-]+/gu, '_')}.${ending}`;
}
