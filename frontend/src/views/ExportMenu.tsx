import { compared, reference } from '../compare_store';
import { differencesCsv, distancesCsv } from '../histogram_pair';
import { histogramPairs, ranking, shownPair } from '../histogram_pair_store';
import { gridRows } from '../histogram_runs';
import { shownStacks, stack } from '../maps_store';
import { statisticRows } from '../overview_store';
import { paintingOf } from '../painting';
import { methodTitle } from '../methods';
import { heatmapTags, tagSteps } from '../selection';
import { shownData } from '../shown_runs';
import { state } from '../state';
import { data, histogramRow, layer, step, tag } from '../store';
import { jsonNumber } from '../wire_format';
import { runTitle } from './colors';
import { fileName, save } from './save';

interface Item {
  title: string;
  testId?: string;
  /** What the server makes, by address; or what the page makes. */
  href?: string;
  run?: () => void | Promise<void>;
}

interface Actions {
  /** Asks what a film is to show. */
  onFilm: () => void;
  /** Why an export failed; empty when the next one begins. */
  onFailure: (why: string) => void;
}

/** What can be taken away from the view. */
export function ExportMenu({ onFilm, onFailure }: Actions) {
  return (
    <ul>
      {items(onFilm).map((item) => (
        <li key={item.title}>
          <MenuItem item={item} onFailure={onFailure} />
        </li>
      ))}
    </ul>
  );
}

function MenuItem({ item, onFailure }: { item: Item } & Pick<Actions, 'onFailure'>) {
  const { title, testId, href, run } = item;
  if (href !== undefined)
    return (
      <a href={href} download data-testid={testId}>
        {title}
      </a>
    );
  return (
    <button
      type="button"
      data-testid={testId}
      onClick={() => {
        onFailure('');
        Promise.resolve(run?.()).catch((error: unknown) => {
          onFailure(
            `The export failed: ${error instanceof Error ? error.message : String(error)}`,
          );
        });
      }}
    >
      {title}
    </button>
  );
}

function items(onFilm: () => void): Item[] {
  const own = {
    overview: tableItems,
    maps: mapItems,
    heatmaps: heatmapItems,
    histograms: histogramItems,
  };
  return [
    ...own[state.view.value](onFilm),
    { title: 'This view as seen · PNG', testId: 'export-view', run: saveView },
  ];
}

/** The tensor's values, and its maps in the colours of the page, at a step or at many. */
function mapItems(onFilm: () => void): Item[] {
  const [known, one, name] = [data.value, stack.value.answer, tag.value];
  if (!known || !one || name === undefined) return [];
  const at = { run: known.run, tag: name, step: one.header.step };
  const base = { ...at, step: String(at.step) };
  const { map, shared } = paintingOf(one);
  const range = shared && { low: String(shared.low), high: String(shared.high) };
  const pictures = shownStacks.value.map(({ index }) => ({
    title: shownStacks.value.length > 1 ? `Maps of sample ${index} · PNG` : 'Maps · PNG',
    href: `export.png?${new URLSearchParams({ ...base, index: String(index), colormap: map.name, ...range })}`,
  }));
  const film: Item = {
    title: 'Maps over steps · GIF …',
    testId: 'export-film',
    run: onFilm,
  };
  const versus = reference.value.question;
  const values = ({ run, tag, step }: typeof at, side: string): Item => ({
    title: `${side}All samples as values · NPZ`,
    href: `export.npz?${new URLSearchParams({ run, tag, step: String(step) })}`,
  });
  const differences = ({ run, step }: typeof at): Item => ({
    title: 'A, B and A − B as values · NPZ',
    testId: 'export-differences',
    href: `export.npz?${new URLSearchParams({ ...base, versus_run: run, versus_step: String(step) })}`,
  });
  return [
    values(at, versus ? 'A: ' : ''),
    ...(versus ? [values(versus, 'B: ')] : []),
    ...(versus && compared.value?.difference ? [differences(versus)] : []),
    ...pictures,
    ...(tagSteps(known.series, name).steps.length > 1 ? [film] : []),
  ];
}

/** The values of each method's heatmaps at the step. */
function heatmapItems(): Item[] {
  const [known, at] = [data.value, step.value];
  if (!known || at === undefined) return [];
  const tags = heatmapTags(known.series);
  return tags
    .filter((tag) => tagSteps(known.series, tag).steps.includes(at))
    .map((tag) => ({
      title: `${methodTitle(tag.slice(tag.indexOf('/') + 1))} as values · NPZ`,
      testId: 'export-heatmap',
      href: `export.npz?${new URLSearchParams({ run: known.run, tag, step: String(at) })}`,
    }));
}

/** All statistics, at all steps, of what each run's matrix shows. */
function tableItems(): Item[] {
  return shownData.value.map(({ run }) => {
    const query = new URLSearchParams({ run, table: 'statistics' });
    for (const row of statisticRows(run)) query.append('row', String(row));
    return { title: `Statistics of ${runTitle(run)} · CSV`, href: `export.csv?${query}` };
  });
}

/** Counts of all bins at all steps; of A and B, at theirs. */
function histogramItems(): Item[] {
  const known = data.value;
  const all = state.scope.value === 'all';
  const row = histogramRow.value;
  const rows = all ? gridRows.value : row === undefined ? [] : [row];
  if (!known || rows.length === 0) return [];
  const query = new URLSearchParams({ run: known.run, table: 'histograms' });
  for (const one of rows) query.append('row', String(one));
  const counts: Item = {
    title: `${all ? 'These layers' : 'This tensor'} at all steps · CSV`,
    testId: 'export-csv',
    href: `export.csv?${query}`,
  };
  const shown = shownPair.value;
  const pairs = all ? (histogramPairs.value?.pairs ?? []) : shown ? [shown] : [];
  if (pairs.length === 0) return [counts];
  const edges = known.model.histogram_edges.map(jsonNumber);
  return [
    counts,
    {
      title: 'A, B and A − B · CSV',
      testId: 'export-differences',
      run: () => saveText(differencesCsv(pairs, edges), 'a_b'),
    },
    {
      title: 'Distances of all layers · CSV',
      testId: 'export-distances',
      run: () => saveText(distancesCsv(ranking.value), 'distances'),
    },
  ];
}

function saveText(text: string, what: string): void {
  save(new Blob([text], { type: 'text/csv' }), fileName([...shownParts(), what], 'csv'));
}

async function saveView(): Promise<void> {
  const view = document.querySelector('main');
  if (!view) return;
  const { pictureOf } = await import('./view_picture');
  save(await pictureOf(view), fileName([state.view.value, ...shownParts()], 'png'));
}

/** What names a file: run, layer where the view is of one, step. */
function shownParts(): (string | false | undefined)[] {
  const one =
    state.view.value === 'maps' ||
    (state.view.value === 'histograms' && state.scope.value === 'layer');
  const at = step.value;
  return [
    runTitle(data.value?.run ?? ''),
    one && layer.value?.path,
    at !== undefined && `step_${at}`,
  ];
}
