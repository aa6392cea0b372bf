/** Entry point: TensorBoard imports this module into an empty page and calls `render`. */
import { render as mount } from 'preact';
import { runPlayer } from './actions';
import { startFlips } from './flip_store';
import { bindUrl } from './state';
import { startLoading } from './loading';
import { followTheme } from './theme';
import { fetchView, Frame } from './views/Frame';
import { fetchWhileIdle } from './views/later';

export async function render(): Promise<void> {
  document.title = 'Keract for TensorBoard';
  document.documentElement.lang = 'en';
  followTheme();
  bindUrl();
  fetchView();
  startLoading();
  runPlayer();
  startFlips();
  await styles();
  const root = document.createElement('div');
  root.id = 'keract';
  document.body.append(root);
  mount(<Frame />, root);
  fetchWhileIdle();
}

/** Loads the stylesheet that lies beside this module; a missing one is no reason to stop. */
function styles(): Promise<void> {
  return new Promise((resolve) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = new URL('./index.css', import.meta.url).href;
    link.onload = link.onerror = () => resolve();
    document.head.append(link);
  });
}
