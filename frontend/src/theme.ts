/** Dark or light, as TensorBoard is. */
import { signal } from '@preact/signals';

export const dark = signal(false);

/** Follows TensorBoard's theme; the system's where there is no reachable parent. */
export function followTheme(): () => void {
  const stop = followParent() ?? followSystem();
  const unsubscribe = dark.subscribe((value) => {
    document.documentElement.dataset.theme = value ? 'dark' : 'light';
  });
  return () => {
    stop();
    unsubscribe();
  };
}

function followParent(): (() => void) | undefined {
  try {
    if (window.parent === window) return undefined;
    const body = window.parent.document.body;
    const read = () => {
      dark.value = body.classList.contains('dark-mode');
    };
    const observer = new MutationObserver(read);
    observer.observe(body, { attributes: true, attributeFilter: ['class'] });
    read();
    return () => observer.disconnect();
  } catch {
    // A parent of another origin.
    return undefined;
  }
}

function followSystem(): () => void {
  const query = window.matchMedia('(prefers-color-scheme: dark)');
  const read = () => {
    dark.value = query.matches;
  };
  query.addEventListener('change', read);
  read();
  return () => query.removeEventListener('change', read);
}
