/** Parts of the page that its first picture does without: fetched when shown, or before. */
import { signal } from '@preact/signals';
import type { ComponentType, FunctionComponent } from 'preact';
import { useEffect } from 'preact/hooks';
import { NotFetched, Waiting } from './Messages';

export type Later<P> = FunctionComponent<P> & {
  /** Fetches the part, so that it is there when it is shown; once is enough. */
  fetch: () => Promise<void>;
};

/** All parts, in the order in which they are fetched while there is nothing else to do. */
const parts: Later<never>[] = [];

/**
 * A component whose code comes with a request of its own. Where it is shown before that
 * is there, `Meanwhile` holds its place; where the request fails, a message says so.
 */
export function later<P extends object>(
  load: () => Promise<ComponentType<P>>,
  Meanwhile: ComponentType = Waiting,
): Later<P> {
  const loaded = signal<ComponentType<P> | undefined>(undefined);
  const failed = signal(false);
  let asked: Promise<void> | undefined;
  const fetch = () => {
    failed.value = false;
    asked ??= load().then(
      (part) => {
        loaded.value = part;
      },
      () => {
        asked = undefined;
        failed.value = true;
      },
    );
    return asked;
  };
  const Part = (props: P) => {
    useEffect(() => {
      if (!loaded.peek()) void fetch();
    }, []);
    const Shown = loaded.value;
    if (Shown) return <Shown {...props} />;
    return failed.value ? <NotFetched retry={fetch} /> : <Meanwhile />;
  };
  const part = Object.assign(Part, { fetch });
  parts.push(part as Later<never>);
  return part;
}

// The first picture and the steps beside it go first.
const IDLE_AFTER_MS = 2000;

/** Fetches all parts, one after the other, so that a later click has them at once. */
export function fetchWhileIdle(): void {
  const whenIdle = window.requestIdleCallback ?? setTimeout;
  setTimeout(
    () =>
      whenIdle(async () => {
        for (const part of parts) await part.fetch();
      }),
    IDLE_AFTER_MS,
  );
}
