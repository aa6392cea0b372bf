import { shownStacks, stack } from '../maps_store';
import { data, tag } from '../store';
import { paintingOf } from '../painting';
import { statisticRows } from '../overview_store';
import { shownData } from '../shown_runs';
import { state } from '../state';
import { runTitle } from './colors';

interface Link {
  title: string;
  href: string;
}

/** What can be taken away from the view, in a menu. */
export function Export() {
  const links = state.view.value === 'maps' ? mapLinks() : tableLinks();
  if (state.view.value === 'histograms' || links.length === 0) return null;
  return (
    <details
      class="export"
      // Closed by a choice, and by going elsewhere.
      onClick={({ target, currentTarget }) => {
        if ((target as Element).closest('a')) currentTarget.open = false;
      }}
      onFocusOut={({ relatedTarget, currentTarget }) => {
        if (!currentTarget.contains(relatedTarget as Node | null))
          currentTarget.open = false;
      }}
    >
      <summary class="button" data-testid="export">
        Export
      </summary>
      <ul>
        {links.map(({ title, href }) => (
          <li key={href}>
            <a href={href} download>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The tensor's values, and its maps as a picture in the colours of the page. */
function mapLinks(): Link[] {
  const [known, one, name] = [data.value, stack.value.answer, tag.value];
  if (!known || !one || name === undefined) return [];
  const { step } = one.header;
  const base = { run: known.run, tag: name, step: String(step) };
  const { map, shared } = paintingOf(one);
  const range = shared && { low: String(shared.low), high: String(shared.high) };
  const pictures = shownStacks.value.map(({ index }) => ({
    title: shownStacks.value.length > 1 ? `Maps of sample ${index} · PNG` : 'Maps · PNG',
    href: `export.png?${new URLSearchParams({ ...base, index: String(index), colormap: map.name, ...range })}`,
  }));
  return [
    {
      title: 'All samples as values · NPZ',
      href: `export.npz?${new URLSearchParams(base)}`,
    },
    ...pictures,
  ];
}

/** All statistics, at all steps, of what each run's matrix shows. */
function tableLinks(): Link[] {
  return shownData.value.map(({ run }) => {
    const query = new URLSearchParams({ run, table: 'statistics' });
    for (const row of statisticRows(run)) query.append('row', String(row));
    return { title: `Statistics of ${runTitle(run)} · CSV`, href: `export.csv?${query}` };
  });
}
