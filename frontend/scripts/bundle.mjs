/** How the page is bundled, for `build.mjs` and `dev.mjs`. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const FRONTEND = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');

/** esbuild's options. */
export const bundle = {
  entryPoints: [
    { in: path.join(FRONTEND, 'src/index.tsx'), out: 'index' },
    // One name for the style sheet: esbuild adds the ending itself.
    { in: path.join(FRONTEND, 'src/style.css'), out: 'index' },
  ],
  outdir: path.join(FRONTEND, '../tensorboard_keract/static'),
  bundle: true,
  format: 'esm',
  // What is not needed for the first picture is fetched when it is.
  splitting: true,
  chunkNames: '[name]-[hash]',
  target: ['es2022', 'chrome105', 'firefox113', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  logLevel: 'warning',
};
