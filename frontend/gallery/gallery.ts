/**
 * Every state of the page, to look at and to test: `states.json` names them, and the frame
 * shows the page itself, as in TensorBoard. The address has the page's own state as there
 * (`p.keract.…`), and beside it which state of the list it came from and the theme.
 */
import { formatHash, parseHash } from '../src/state';
import { GROUPS, type GalleryState } from './states';

const LIVE: GalleryState = {
  name: 'live',
  title: 'Live',
  server: 'live',
  state: { view: 'maps' },
};
const SHOWN = [...GROUPS, { group: 'TensorBoard', states: [LIVE] }];

const frame = document.getElementById('frame') as HTMLIFrameElement;
const themeButton = document.getElementById('theme') as HTMLButtonElement;
let shown: GalleryState | undefined;

function own(key: string): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get(`p.gallery.${key}`) ?? undefined;
}

/** The address of a state, in a theme. */
function address(name: string, theme: string, values: ReadonlyMap<string, string>): string {
  return formatHash(`#keract&p.gallery.state=${name}&p.gallery.theme=${theme}`, values);
}

function theme(): string {
  return own('theme') ?? 'light';
}

/** Follows the address: a page anew for another state, the theme alone otherwise. */
function show(): void {
  document.body.classList.toggle('dark-mode', theme() === 'dark');
  themeButton.setAttribute('aria-pressed', String(theme() === 'dark'));
  const states = SHOWN.flatMap((group) => group.states);
  const wanted = states.find(({ name }) => name === own('state'));
  if (!wanted) {
    const [{ name, state }] = states;
    location.replace(address(name, theme(), valuesOf(state)));
    return;
  }
  list();
  if (wanted === shown) return;
  shown = wanted;
  delete frame.dataset.state;
  frame.onload = () => {
    // Said for tests to wait for.
    frame.dataset.state = wanted.name;
    if (wanted.click) void click(wanted.click);
  };
  frame.src = `/${wanted.server ?? 'recorded'}/`;
}

function valuesOf(state: GalleryState['state']): Map<string, string> {
  return new Map(Object.entries(state).map(([key, value]) => [key, String(value)]));
}

async function click(selector: string): Promise<void> {
  const page = frame.contentDocument;
  let found: HTMLElement | null | undefined;
  while (!(found = page?.querySelector<HTMLElement>(selector))) {
    await new Promise((next) => setTimeout(next, 20));
  }
  found.click();
}

function list(): void {
  const sections = SHOWN.map(({ group, states }) => {
    const section = document.createElement('section');
    const title = document.createElement('h2');
    title.textContent = group;
    section.append(title, ...states.map(link));
    return section;
  });
  document.getElementById('states')?.replaceChildren(...sections);
  document.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
}

function link({ name, title, state }: GalleryState): HTMLAnchorElement {
  const anchor = document.createElement('a');
  anchor.textContent = title;
  anchor.href = address(name, theme(), valuesOf(state));
  if (name === own('state')) anchor.setAttribute('aria-current', 'page');
  return anchor;
}

themeButton.onclick = () => {
  const next = theme() === 'dark' ? 'light' : 'dark';
  location.hash = address(own('state') ?? '', next, parseHash(location.hash));
};
window.addEventListener('hashchange', show);
new EventSource('/changes').onmessage = () => location.reload();
show();
