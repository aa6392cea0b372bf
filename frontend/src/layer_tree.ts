/** The layers of a model as a tree by their paths. Pure. */

export interface TreeNode {
  /** The last part of the path. */
  name: string;
  path: string;
  /** Whether a layer of this path is recorded, and not only layers below it. */
  isLayer: boolean;
  children: TreeNode[];
}

/**
 * The tree of some paths, in their order: a group stands where its first layer does.
 * `shared@0` and `shared@1` are two leaves.
 */
export function layerTree(paths: readonly string[]): TreeNode[] {
  const root: TreeNode = { name: '', path: '', isLayer: false, children: [] };
  const nodes = new Map([['', root]]);
  const nodeAt = (path: string): TreeNode => {
    const known = nodes.get(path);
    if (known) return known;
    const slash = path.lastIndexOf('/');
    const node = { name: path.slice(slash + 1), path, isLayer: false, children: [] };
    nodes.set(path, node);
    nodeAt(slash < 0 ? '' : path.slice(0, slash)).children.push(node);
    return node;
  };
  for (const path of paths) nodeAt(path).isLayer = true;
  return root.children;
}

export interface TreeRow {
  node: TreeNode;
  depth: number;
  /** Undefined of a leaf. */
  open: boolean | undefined;
}

/** The rows that are to be seen, top to bottom. */
export function treeRows(
  nodes: readonly TreeNode[],
  closed: ReadonlySet<string>,
  depth = 0,
): TreeRow[] {
  return nodes.flatMap((node): TreeRow[] => {
    if (node.children.length === 0) return [{ node, depth, open: undefined }];
    const open = !closed.has(node.path);
    const below = open ? treeRows(node.children, closed, depth + 1) : [];
    return [{ node, depth, open }, ...below];
  });
}

/** The paths of the layers in a subtree. */
export function layersBelow(node: TreeNode): string[] {
  const below = node.children.flatMap(layersBelow);
  return node.isLayer ? [node.path, ...below] : below;
}
