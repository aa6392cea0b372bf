import { useEffect, useRef } from 'preact/hooks';
import { layerSearch, selectLayer } from '../actions';
import type { Layer } from '../api';
import { extent, linePath } from '../axis';
import { formatCount, formatShape } from '../format';
import { evenIndices, mapKinds, matches, ownName } from '../selection';
import { recordedIndices, sparklineRow, statisticOverSteps } from '../statistics';
import { data, layer, type RunData, statisticsNearby, step } from '../store';
import { Nearest } from './Absent';
import { NOTHING_RECORDED } from '../alerts';
import { health as healthOf } from '../overview_store';
import { HealthMark } from './HealthMark';

/** The layers in the order of the model, with their health and how they move. */
export function Layers() {
  const known = data.value;
  const all = known?.model.layers ?? [];
  const listed = all.filter(({ path }) => matches(path, layerSearch.value));
  return (
    <section class="layers" aria-label="Layers">
      <h2>
        Layers <span>{all.length || ''}</span>
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
      <ul class="list">
        {known &&
          listed.map((one) => (
            <LayerRow
              key={one.path}
              layer={one}
              known={known}
              on={one.path === layer.value?.path}
            />
          ))}
        {listed.length === 0 && all.length > 0 && <li class="none">No layer matches.</li>}
      </ul>
    </section>
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

function LayerRow({ layer, known, on }: { layer: Layer; known: RunData; on: boolean }) {
  const ref = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (on) ref.current?.scrollIntoView({ block: 'nearest' });
  }, [on]);
  const health = healthOf.value.get(layer.path) ?? NOTHING_RECORDED;
  const hasMaps = mapKinds(layer, known.series).length > 0;
  const name = ownName(layer.path);
  const parents = layer.path.slice(0, layer.path.length - name.length);
  const shape = layer.outputs.map(({ shape }) => formatShape(shape.slice(1))).join(', ');
  return (
    <li
      ref={ref}
      class={`row layer ${on ? 'on' : ''} ${hasMaps ? '' : 'mapless'}`}
      data-testid="layer-item"
      data-path={layer.path}
    >
      <button
        type="button"
        aria-pressed={on}
        title={[layer.path, `${layer.class_name} · ${shape}`, health.sentence, layer.note]
          .filter(Boolean)
          .join('\n')}
        onClick={() => selectLayer(layer.path)}
      >
        <HealthMark health={health} />
        <span class="name">
          {parents && (
            <span class="parents">
              <bdi>{parents}</bdi>
            </span>
          )}
          <span class="own">{name}</span>
        </span>
        {health.word ? (
          <span class={`word ${health.level}`}>{health.word}</span>
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

/** The L2 norm of the layer's first tensor over the steps. */
function Sparkline({ layer, known }: { layer: Layer; known: RunData }) {
  const { model, statistics } = known;
  if (!statistics) return null;
  const row = sparklineRow(layer, model);
  const values = statisticOverSteps(model, statistics, row, 'l2_norm');
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
