/** Asking for what the page shows now, and for nothing else. */
import {
  effect,
  type ReadonlySignal,
  type Signal,
  signal,
  untracked,
} from '@preact/signals';

export interface Loaded<Q, A> {
  /** What `answer` answers; while loading it may be older than what was asked last. */
  question?: Q;
  answer?: A;
  loading: boolean;
  error?: Error;
}

interface Options<Q, A> {
  /** Equal keys are the same question. */
  key: (question: Q) => string;
  load: (question: Q, signal: AbortSignal) => Promise<A>;
  /** An answer that is there already: shown at once, without a request. */
  peek?: (question: Q) => A | undefined;
  /** Whether the old answer may stay on the page until the new one comes. */
  keep?: (old: Q, next: Q) => boolean;
  /** After an answer was shown: a chance to fetch its neighbours. */
  after?: (question: Q, answer: A, signal: AbortSignal) => void;
}

/** How often failed requests have been tried again: a change asks anew. */
const attempts = signal(0);

export function retry(): void {
  attempts.value++;
}

/**
 * A signal with the answer to the newest question. A new question aborts the request
 * for the old one, and an answer that comes too late is dropped.
 */
export function resource<Q, A>(
  question: ReadonlySignal<Q | undefined>,
  { key, load, peek, keep, after }: Options<Q, A>,
): Signal<Loaded<Q, A>> & { dispose: () => void } {
  const result = signal<Loaded<Q, A>>({ loading: false });
  let asked: string | undefined;
  let controller: AbortController | undefined;

  const ask = (next: Q) => {
    controller = new AbortController();
    const { signal: abort } = controller;
    const known = peek?.(next);
    if (known !== undefined) {
      result.value = { question: next, answer: known, loading: false };
      after?.(next, known, abort);
      return;
    }
    const { question: old, answer } = result.value;
    result.value =
      old !== undefined && answer !== undefined && keep?.(old, next)
        ? { question: old, answer, loading: true }
        : { loading: true };
    load(next, abort).then(
      (fresh) => {
        if (abort.aborted) return;
        result.value = { question: next, answer: fresh, loading: false };
        after?.(next, fresh, abort);
      },
      (error: unknown) => {
        if (abort.aborted) return;
        result.value = {
          loading: false,
          error: error instanceof Error ? error : new Error(String(error)),
        };
      },
    );
  };

  const stop = effect(() => {
    const next = question.value;
    const nextKey = next === undefined ? undefined : `${key(next)} ${attempts.value}`;
    if (nextKey === asked) return;
    asked = nextKey;
    controller?.abort();
    untracked(() => {
      if (next === undefined) result.value = { loading: false };
      else ask(next);
    });
  });

  return Object.assign(result, {
    dispose: () => {
      stop();
      controller?.abort();
    },
  });
}
