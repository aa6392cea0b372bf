import { Graph, layout } from '@dagrejs/dagre';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { selectLayer } from '../actions';
import { NOTHING_RECORDED } from '../alerts';
import type { Layer } from '../api';
import { health as healthOf } from '../alert_store';
import { ownName } from '../selection';
import { layer } from '../store';
import { HEALTH_SHAPES } from './HealthMark';

const WIDTH = 96;
const HEIGHT = 22;
// So many characters fit into a node.
const NAME_LENGTH = 12;

interface Placed {
  width: number;
  height: number;
  nodes: { layer: Layer; x: number; y: number }[];
  edges: string[];
}

/** The model as a graph, inputs at the top. */
export function LayerGraph({ layers }: { layers: readonly Layer[] }) {
  const placed = useMemo(() => place(layers), [layers]);
  const current = layer.value?.path;
  const ref = useRef<SVGGElement>(null);
  useEffect(() => {
    ref.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [current, placed]);
  return (
    <div class="graph" data-testid="layer-graph">
      <svg
        width={placed.width}
        height={placed.height}
        role="group"
        aria-label="Model graph"
      >
        {placed.edges.map((path) => (
          <path key={path} class="edge" d={path} />
        ))}
        {placed.nodes.map(({ layer, x, y }) => (
          <g
            key={layer.path}
            ref={layer.path === current ? ref : null}
            class={`node ${layer.path === current ? 'on' : ''}`}
            transform={`translate(${x - WIDTH / 2} ${y - HEIGHT / 2})`}
            role="button"
            tabindex={0}
            aria-pressed={layer.path === current}
            data-testid="graph-node"
            data-path={layer.path}
            onClick={() => selectLayer(layer.path)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter') return;
              event.preventDefault();
              selectLayer(layer.path);
            }}
          >
            <Node layer={layer} />
          </g>
        ))}
      </svg>
    </div>
  );
}

function Node({ layer }: { layer: Layer }) {
  const health = healthOf.value.get(layer.path) ?? NOTHING_RECORDED;
  const name = ownName(layer.path);
  return (
    <>
      <title>
        {[layer.path, layer.class_name, health.sentence].filter(Boolean).join('\n')}
      </title>
      <rect width={WIDTH} height={HEIGHT} rx={5} />
      <path
        class={`health ${health.level}`}
        d={HEALTH_SHAPES[health.level]}
        transform={`translate(6 ${HEIGHT / 2 - 4}) scale(.8)`}
      />
      <text x={19} y={HEIGHT / 2 + 4}>
        {name.length > NAME_LENGTH ? `${name.slice(0, NAME_LENGTH - 1)}…` : name}
      </text>
    </>
  );
}

/** Where nodes and edges lie; edges to layers that are not drawn are left out. */
function place(layers: readonly Layer[]): Placed {
  const graph = new Graph({ multigraph: false });
  graph.setGraph({ rankdir: 'TB', nodesep: 10, ranksep: 16, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(layers.map(({ path }) => path));
  for (const { path } of layers) graph.setNode(path, { width: WIDTH, height: HEIGHT });
  for (const { path, parents } of layers) {
    for (const parent of parents) if (known.has(parent)) graph.setEdge(parent, path);
  }
  layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    nodes: layers.map((layer) => {
      const { x, y } = graph.node(layer.path);
      return { layer, x, y };
    }),
    edges: graph
      .edges()
      .map((edge: { v: string; w: string }) => edgePath(graph.edge(edge).points)),
  };
}

function edgePath(points: readonly { x: number; y: number }[]): string {
  return points.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('');
}
