/** Keeps what the page knows as new as the server's. */
import { batch, effect } from '@preact/signals';
import { getModel, getRuns, getSeries, getStatistics } from './api';
import { type RunData, runData, runs, runsError, shownRuns } from './store';

// TensorBoard reads its files again every 5 s.
const POLL_MS = 5000;

/** Keeps runs and series as new as the server's, until it is stopped. */
export function startLoading(): () => void {
  const controller = new AbortController();
  const { signal: abort } = controller;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const loading = new Set<string>();

  const store = (run: string, value: RunData | Error) => {
    runData.value = new Map(runData.peek()).set(run, value);
  };

  const loadRun = async (run: string) => {
    if (loading.has(run)) return;
    loading.add(run);
    const old = runData.peek().get(run);
    try {
      const series = await getSeries(run, abort);
      const unchanged =
        old &&
        !(old instanceof Error) &&
        JSON.stringify(old.series) === JSON.stringify(series);
      if (unchanged) return;
      const [model, statistics] = await Promise.all([
        getModel(run, abort),
        series.statistics === null ? undefined : getStatistics(run, abort),
      ]);
      store(run, { run, model, series, statistics });
    } catch (error) {
      // A passing failure leaves what is on the page; the first load says so.
      if (!abort.aborted && (!old || old instanceof Error)) store(run, toError(error));
    } finally {
      loading.delete(run);
    }
  };

  const poll = async () => {
    // TensorBoard keeps the frame alive, without a size, while another tab is shown.
    if (document.visibilityState === 'visible' && window.innerWidth > 0) {
      try {
        const fresh = (await getRuns(abort)).sort((a, b) =>
          a.run.localeCompare(b.run, 'en', { numeric: true }),
        );
        batch(() => {
          runsError.value = undefined;
          if (JSON.stringify(fresh) !== JSON.stringify(runs.peek())) runs.value = fresh;
        });
        await Promise.all(shownRuns.peek().filter(readable).map(loadRun));
      } catch (error) {
        if (!abort.aborted) runsError.value = toError(error);
      }
    }
    if (!abort.aborted) timer = setTimeout(poll, POLL_MS);
  };

  const stop = effect(() => {
    for (const run of shownRuns.value) {
      if (readable(run) && !runData.peek().has(run)) void loadRun(run);
    }
  });
  void poll();
  return () => {
    controller.abort();
    stop();
    clearTimeout(timer);
  };
}

function readable(run: string): boolean {
  return !runs.peek()?.find((entry) => entry.run === run)?.format_error;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
