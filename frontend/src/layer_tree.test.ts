import { expect, it } from 'vitest';
import { layersBelow, layerTree, treeRows } from './layer_tree';

const tree = layerTree([
  'image',
  'encoder/block1/conv',
  'encoder/block1/bn',
  'encoder',
  'out@0',
]);
const closed = (...paths: string[]) =>
  treeRows(tree, new Set(paths)).map(({ node, depth, open }) =>
    [' '.repeat(depth) + node.name, node.isLayer, open].join(),
  );

it('groups layers by their paths, each group where its first layer is', () => {
  expect(closed()).toEqual([
    'image,true,',
    'encoder,true,true',
    ' block1,false,true',
    '  conv,true,',
    '  bn,true,',
    'out@0,true,',
  ]);
});

it('leaves out what is below a closed group', () => {
  expect(closed('encoder')).toEqual(['image,true,', 'encoder,true,false', 'out@0,true,']);
  expect(closed('encoder/block1')).toContain(' block1,false,false');
});

it('knows the layers of a group', () => {
  expect(layersBelow(tree[1])).toEqual([
    'encoder',
    'encoder/block1/conv',
    'encoder/block1/bn',
  ]);
  expect(layerTree([])).toEqual([]);
});
