import { useEffect, useRef } from 'preact/hooks';
import { layerRows, layerSearch, listedLayers, selectLayer, toggleGroup } from '../actions';
import type { Layer } from '../api';
import { extent, linePath } from '../axis';
import { formatCount, formatShape, plural } from '../format';
import { layersBelow, type TreeNode } from '../layer_tree';
import { health } from '../alert_store';
import { statistic, tensorKind } from '../overview_store';
import { evenIndices, mapKinds } from '../selection';
import { LAYER_MODES, state } from '../state';
import { recordedIndices, sparklineRow, statisticOverSteps } from '../statistics';
import { data, layer, type RunData, statisticsNearby, step } from '../store';
import { Nearest } from './Absent';
import { NOTHING_RECORDED, worstHealth } from '../alerts';
import { HealthMark } from './HealthMark';
import { later } from './later';

const LayerGraph = later(
  async () => (await import('./LayerGraph')).LayerGraph,
  () => <div class="none">Laying out …</div>,
);

/** The layers of the model, as a tree or a graph, with their health and how they move. */
export function Layers() {
  const known = data.value;
  const all = known?.model.layers ?? [];
  const listed = listedLayers.value;
  return (
    <section class="layers" aria-label="Layers">
      <h2>
        Layers <span>{all.length || ''}</span>
        <span class="space" />
        <Modes />
      </h2>
      <input
        class="search"
        type="search"
        placeholder="Search layers"
        aria-label="Search layers"
        value={layerSearch.value}
        onInput={(event) => {
          layerSearch.value = event.currentTarget.value;
        }}
      />
      <WithoutStatistics />
      {state.layers.value === 'graph' && listed.length > 0 ? (
        <LayerGraph layers={listed} />
      ) : (
        <ul class="list">
          {known && <Tree known={known} />}
          {listed.length === 0 && all.length > 0 && <li class="none">No layer matches.</li>}
        </ul>
      )}
    </section>
  );
}

/** "tree · graph", as in a heading. */
function Modes() {
  return (
    <span class="modes">
      {LAYER_MODES.map((mode) => (
        <button
          key={mode}
          type="button"
          aria-pressed={state.layers.value === mode}
          data-testid={`layers-${mode}`}
          onClick={() => {
            state.layers.value = mode;
          }}
        >
          {mode}
        </button>
      ))}
    </span>
  );
}

function Tree({ known }: { known: RunData }) {
  const byPath = new Map(known.model.layers.map((one) => [one.path, one]));
  return (
    <>
      {layerRows.value.map(({ node, depth, open }) => {
        const one = node.isLayer ? byPath.get(node.path) : undefined;
        return one ? (
          <LayerRow
            key={node.path}
            layer={one}
            known={known}
            depth={depth}
            node={node}
            open={open}
            on={one.path === layer.value?.path}
          />
        ) : (
          <GroupRow key={node.path} node={node} depth={depth} open={open} />
        );
      })}
    </>
  );
}

/** The triangle that opens and closes a group. */
function Twist({ node, open }: { node: TreeNode; open: boolean | undefined }) {
  if (open === undefined) return null;
  return (
    <button
      type="button"
      class="twist"
      aria-expanded={open}
      aria-label={`${open ? 'Close' : 'Open'} ${node.path}`}
      data-testid="twist"
      onClick={() => toggleGroup(node.path)}
    >
      {open ? '▾' : '▸'}
    </button>
  );
}

/** Part of a path that is no layer itself: closed, it has the worst health below it. */
function GroupRow({
  node,
  depth,
  open,
}: {
  node: TreeNode;
  depth: number;
  open?: boolean | undefined;
}) {
  const below = layersBelow(node);
  const worst = open
    ? undefined
    : worstHealth(below.map((path) => health.value.get(path) ?? NOTHING_RECORDED));
  return (
    <li class="row layer group" style={{ '--depth': depth }} data-path={node.path}>
      <Twist node={node} open={open} />
      {worst && <HealthMark health={worst} />}
      <span class="name">{node.name}</span>
      {worst?.word ? (
        <span class={`word ${worst.level}`}>{worst.word}</span>
      ) : (
        <span class="class">{plural(below.length, 'layer')}</span>
      )}
    </li>
  );
}

/** Says so where this step has no statistics for the marks beside the layers. */
function WithoutStatistics() {
  const nearby = statisticsNearby.value;
  if (!nearby || nearby.here) return null;
  return (
    <div class="none" data-testid="no-statistics">
      No statistics at step {formatCount(step.value ?? 0)}.{' '}
      <Nearest nearby={nearby} short />
    </div>
  );
}

function LayerRow(props: {
  layer: Layer;
  known: RunData;
  depth: number;
  node: TreeNode;
  open: boolean | undefined;
  on: boolean;
}) {
  const { layer, known, depth, node, open, on } = props;
  const ref = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (on) ref.current?.scrollIntoView({ block: 'nearest' });
  }, [on]);
  const own = health.value.get(layer.path) ?? NOTHING_RECORDED;
  const hasMaps = mapKinds(layer, known.series).length > 0;
  const shape = layer.outputs.map(({ shape }) => formatShape(shape.slice(1))).join(', ');
  return (
    <li
      ref={ref}
      class={`row layer ${on ? 'on' : ''} ${hasMaps ? '' : 'mapless'}`}
      style={{ '--depth': depth }}
      data-testid="layer-item"
      data-path={layer.path}
    >
      <Twist node={node} open={open} />
      <button
        type="button"
        aria-pressed={on}
        title={[layer.path, `${layer.class_name} · ${shape}`, own.sentence, layer.note]
          .filter(Boolean)
          .join('\n')}
        onClick={() => selectLayer(layer.path)}
      >
        <HealthMark health={own} />
        <span class="name">{node.name}</span>
        {own.word ? (
          <span class={`word ${own.level}`}>{own.word}</span>
        ) : (
          <span class="class">{layer.class_name}</span>
        )}
        <Sparkline layer={layer} known={known} />
      </button>
    </li>
  );
}

const WIDTH = 44;
const HEIGHT = 16;

/** The overview's statistic of the layer over the steps, or the L2 norm where it has none. */
function Sparkline({ layer, known }: { layer: Layer; known: RunData }) {
  const { model, statistics } = known;
  if (!statistics) return null;
  const row = sparklineRow(layer, model, tensorKind.value);
  const chosen = statisticOverSteps(model, statistics, row, statistic.value);
  const values = extent(chosen)
    ? chosen
    : statisticOverSteps(model, statistics, row, 'l2_norm');
  const range = extent(values);
  if (!range) return null;
  const [low, high] = range;
  // Records that left the row out are passed over: the line joins those that have it.
  const recorded = recordedIndices(model, statistics, row);
  const shown = evenIndices(recorded.length, WIDTH).map((i) => recorded[i]);
  const last = values.length - 1;
  const xs = shown.map((i) => (last > 0 ? 1 + (i * (WIDTH - 2)) / last : WIDTH / 2));
  const ys = shown.map((i) =>
    high > low
      ? HEIGHT - 2 - ((values[i] - low) / (high - low)) * (HEIGHT - 4)
      : HEIGHT / 2,
  );
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path d={linePath(xs, ys)} />
    </svg>
  );
}
