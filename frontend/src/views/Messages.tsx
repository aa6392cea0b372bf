/** What the page says while there is nothing to show, and what to do about it. */
import type { ComponentChildren } from 'preact';
import { retry } from '../resource';

const SNIPPET = `import tensorboard_keract as tk

model.fit(x, y, callbacks=[tk.KeractCallback("logs/run1", probe=(x_val[:8], y_val[:8]))])`;

/** No run holds Keract data. */
export function Empty() {
  return (
    <div class="message large" data-testid="empty">
      <h1>No Keract data yet</h1>
      <p>Record what happens inside your model while it trains:</p>
      <pre>
        <code>{SNIPPET}</code>
      </pre>
      <p>
        The maps appear here after the first record; this page looks for them every few
        seconds. If you have recorded already, see that TensorBoard’s <code>--logdir</code>{' '}
        is the directory given to the callback, or one above it.
      </p>
    </div>
  );
}

/** Something could not be loaded. */
export function Failure({ error }: { error: Error }) {
  return (
    <div class="message failure" role="alert">
      <p>
        <b>This could not be loaded.</b>
      </p>
      <p>{explain(error)}</p>
      <button type="button" class="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** Code of the page itself could not be fetched. */
export function NotFetched({ retry }: { retry: () => void }) {
  return (
    <div class="message failure" role="alert">
      <p>
        <b>This part of the page could not be fetched.</b>
      </p>
      <p>
        See whether TensorBoard still runs. If it was updated meanwhile, reload the page:
        what you have chosen stays.
      </p>
      <button type="button" class="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

/** A run that can't be read says so itself. */
export function Unreadable({ run, error }: { run: string; error: Error }) {
  return (
    <div class="message failure" role="alert">
      <p>
        <b>The run “{run}” can’t be shown.</b>
      </p>
      <p>{explain(error)}</p>
      <p>Other runs in the list at the left may be well.</p>
    </div>
  );
}

/** A failed fetch says little in the browser's words. */
function explain(error: Error): string {
  return error instanceof TypeError
    ? 'TensorBoard does not answer. See whether it still runs; the page goes on by itself when it does.'
    : error.message;
}

/** Appears only when the wait is long enough to be noticed. */
export function Waiting() {
  return (
    <div class="message waiting" role="status">
      Loading…
    </div>
  );
}

export function Note({ children }: { children: ComponentChildren }) {
  return <p class="note">{children}</p>;
}
