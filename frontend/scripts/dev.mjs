/**
 * Serves the gallery while the page is worked on, and reloads it when a source changes.
 *
 *   node scripts/dev.mjs [--port 8600] [ORIGIN]
 *
 * The recorded runs need no TensorBoard. "Live" shows what a TensorBoard at ORIGIN
 * (http://localhost:6006) has.
 */
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';
import * as esbuild from 'esbuild';
import { recordedAnswers, servers } from './answers.mjs';
import { bundle, FRONTEND } from './bundle.mjs';

const GALLERY = path.join(FRONTEND, 'gallery');
const PAGE =
  '<!doctype html><meta charset="utf-8">' +
  '<script type="module">import("/index.js").then((m) => m.render())</script>';
const TYPES = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.map': 'application/json',
};

const { values, positionals } = parseArgs({
  options: { port: { type: 'string', default: '8600' } },
  allowPositionals: true,
});
const origin = new URL(positionals[0] ?? 'http://localhost:6006');
const shown = servers(recordedAnswers(await readFile(path.join(GALLERY, 'recorded.gz'))));
const watchers = new Set();
const files = await watchSources();

const server = createServer((question, response) => {
  const { pathname, searchParams } = new URL(question.url, 'http://localhost');
  const [, first, route] = pathname.split('/');
  if (pathname === '/') return sendGallery(response);
  if (pathname === '/changes') return sendChanges(question, response);
  if (files.has(first)) {
    return send(response, { type: TYPES[path.extname(first)], body: files.get(first) });
  }
  if (route === '') {
    shown[first]?.opened?.();
    return send(response, { type: 'text/html', body: PAGE });
  }
  if (first === 'live') return forward(question, route, response);
  if (!shown[first] || !route) return send(response, { status: 404, body: pathname });
  const answer = shown[first].answer(route, searchParams);
  if (answer) send(response, answer);
});
server.listen(Number(values.port), 'localhost', () =>
  process.stdout.write(`http://localhost:${server.address().port}/\n`),
);

/** Bundles anew when a source changes; the newest files by name. */
async function watchSources() {
  const built = new Map();
  let finished;
  const first = new Promise((resolve) => {
    finished = resolve;
  });
  const tell = {
    name: 'tell',
    setup: (build) =>
      build.onEnd(({ errors, outputFiles }) => {
        finished();
        // A source with an error leaves what there was.
        if (errors.length > 0) return;
        built.clear();
        for (const file of outputFiles) built.set(path.basename(file.path), file.contents);
        for (const response of watchers) response.write('data: changed\n\n');
      }),
  };
  const context = await esbuild.context({
    ...bundle,
    entryPoints: [
      ...bundle.entryPoints,
      { in: path.join(GALLERY, 'gallery.ts'), out: 'gallery' },
      { in: path.join(GALLERY, 'gallery.css'), out: 'gallery' },
    ],
    sourcemap: 'linked',
    write: false,
    plugins: [tell],
  });
  await context.watch();
  await first;
  return built;
}

async function sendGallery(response) {
  send(response, {
    type: 'text/html',
    body: await readFile(path.join(GALLERY, 'index.html')),
  });
}

/** Server-sent events: one for each time that the sources have changed. */
function sendChanges(question, response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
  watchers.add(response);
  question.on('close', () => watchers.delete(response));
}

function send(response, { status = 200, type = 'text/plain', body }) {
  response
    .writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' })
    .end(body);
}

/** Asks the TensorBoard. */
function forward(question, route, response) {
  const { search } = new URL(question.url, 'http://localhost');
  const forwarded = request(
    new URL(`/data/plugin/keract/${route}${search}`, origin),
    { method: question.method },
    (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    },
  );
  forwarded.on('error', (error) =>
    send(response, { status: 502, body: `${origin}: ${error.message}` }),
  );
  forwarded.end();
}
