/**
 * Builds the page to ../tensorboard_keract/static, or serves it while it is worked on.
 *
 *   node scripts/build.mjs                       one build
 *   node scripts/build.mjs --serve [ORIGIN]      http://localhost:8600/, rebuilt on each
 *       request, with the data of a TensorBoard at ORIGIN (http://localhost:6006)
 */
import { mkdir, readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const outdir = path.join(here, '../../tensorboard_keract/static');
const serve = process.argv.includes('--serve');

const options = {
  entryPoints: {
    index: path.join(here, '../src/index.tsx'),
    'index.css': path.join(here, '../src/style.css'),
  },
  outdir,
  bundle: true,
  format: 'esm',
  // What is not needed for the first picture is fetched when it is.
  splitting: true,
  chunkNames: '[name]-[hash]',
  target: ['es2022', 'chrome105', 'firefox113', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  minify: !serve,
  sourcemap: serve ? 'inline' : false,
  legalComments: 'none',
  logLevel: 'warning',
};
// One name for the style sheet: esbuild adds the ending itself.
options.entryPoints = [
  { in: options.entryPoints.index, out: 'index' },
  { in: options.entryPoints['index.css'], out: 'index' },
];

if (serve) await develop();
else await build();

async function build() {
  await mkdir(outdir, { recursive: true });
  const { metafile } = await esbuild.build({ ...options, metafile: true });
  for (const name of Object.keys(metafile.outputs)) {
    const bytes = await readFile(path.resolve(name));
    const kilobytes = (gzipSync(bytes).length / 1024).toFixed(1);
    process.stdout.write(`${path.basename(name)}: ${kilobytes} KB gzip\n`);
  }
}

async function develop() {
  const origin = new URL(
    process.argv[process.argv.indexOf('--serve') + 1] ?? 'http://localhost:6006',
  );
  const context = await esbuild.context({ ...options, write: false });
  const page =
    '<!doctype html><meta charset="utf-8">' +
    '<script type="module">import("./index.js").then((m) => m.render())</script>';
  createServer(async (question, answer) => {
    const { pathname } = new URL(question.url, 'http://localhost');
    if (pathname === '/') {
      answer.setHeader('Content-Type', 'text/html').end(page);
      return;
    }
    if (/^\/[^/]+\.(js|css)$/.test(pathname)) {
      const { outputFiles } = await context.rebuild();
      const file = outputFiles.find((one) => one.path.endsWith(pathname));
      if (!file) {
        answer.writeHead(404).end(pathname);
        return;
      }
      const type = pathname.endsWith('.js') ? 'text/javascript' : 'text/css';
      answer.setHeader('Content-Type', type).end(file.text);
      return;
    }
    const proxied = request(
      new URL(`/data/plugin/keract${question.url}`, origin),
      { method: question.method },
      (response) => {
        answer.writeHead(response.statusCode, response.headers);
        response.pipe(answer);
      },
    );
    proxied.on('error', (error) =>
      answer.writeHead(502).end(`${origin}: ${error.message}`),
    );
    proxied.end();
  }).listen(8600, () => process.stdout.write('http://localhost:8600/\n'));
}
