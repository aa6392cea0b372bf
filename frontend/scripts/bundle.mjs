/** How the page is bundled, for `build.mjs` and `dev.mjs`. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const FRONTEND = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

const ENTRY = path.join(FRONTEND, 'src/index.tsx');

/**
 * What the first picture needs is one file, whatever parts share of it: esbuild makes a
 * file for each set of parts that share something, which would be a dozen requests.
 * So each part imports the page that it is a part of.
 */
const oneFirstFile = {
  name: 'one first file',
  setup(build) {
    build.onResolve({ filter: /^\./ }, ({ kind, path: name, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      return { path: path.join(resolveDir, name), namespace: 'part' };
    });
    build.onLoad({ filter: /.*/, namespace: 'part' }, ({ path: file }) => ({
      contents: `import ${JSON.stringify(ENTRY)}; export * from ${JSON.stringify(file)};`,
      resolveDir: FRONTEND,
    }));
  },
};

/** esbuild's options. */
export const bundle = {
  entryPoints: [
    { in: ENTRY, out: 'index' },
    // One name for the style sheet: esbuild adds the ending itself.
    { in: path.join(FRONTEND, 'src/style.css'), out: 'index' },
  ],
  outdir: path.join(FRONTEND, '../tensorboard_keract/static'),
  bundle: true,
  format: 'esm',
  // What is not needed for the first picture is fetched when it is.
  splitting: true,
  plugins: [oneFirstFile],
  chunkNames: '[name]-[hash]',
  target: ['es2022', 'chrome105', 'firefox113', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
};
