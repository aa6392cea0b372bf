import { runs } from '../store';

/** Colours of runs: told apart with any colour vision, in either theme. */
const RUN_COLORS = 8;

/** The colour of the n-th run, as a CSS value. */
export function runColor(index: number): string {
  return `var(--run-${index % RUN_COLORS})`;
}

/** The colour of a run, by its place in TensorBoard's order. */
export function colorOfRun(run: string): string {
  return runColor((runs.value ?? []).findIndex((entry) => entry.run === run));
}

/** A run as people name it: recorders put their data in a run called `<run>/keract`. */
export function runTitle(run: string): string {
  return run.replace(/\/keract$/, '') || run;
}
