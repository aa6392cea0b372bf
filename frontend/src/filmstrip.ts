/** Which steps a filmstrip shows. Pure. */
import { evenIndices } from './selection';

/**
 * `count` indices spread evenly over 0 … length - 1, both ends and `here` among them: it
 * takes the place of the nearest between the ends, so that others stay while one scrubs.
 */
export function filmstripIndices(length: number, count: number, here: number): number[] {
  const indices = evenIndices(length, Math.max(3, count));
  if (here < 0 || here >= length || indices.includes(here)) return indices;
  let nearest = 1;
  for (let i = 2; i < indices.length - 1; i++) {
    if (Math.abs(indices[i] - here) < Math.abs(indices[nearest] - here)) nearest = i;
  }
  indices[nearest] = here;
  return indices;
}
