/** Builds the page to ../tensorboard_keract/static: `node scripts/build.mjs`. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { bundle } from './bundle.mjs';

// Parts of the page have other names whenever they change: none of old may stay.
await rm(bundle.outdir, { recursive: true, force: true });
await mkdir(bundle.outdir, { recursive: true });
const { metafile } = await esbuild.build({ ...bundle, minify: true, metafile: true });
for (const name of Object.keys(metafile.outputs)) {
  const bytes = await readFile(path.resolve(name));
  const kilobytes = (gzipSync(bytes).length / 1024).toFixed(1);
  process.stdout.write(`${path.basename(name)}: ${kilobytes} KB gzip\n`);
}
