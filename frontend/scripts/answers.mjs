/**
 * The routes of `viewer/http_api.md`, answered from `gallery/recorded.gz`, which
 * `gallery/record.py` writes. An answer is `{status, type, body}`.
 *
 * Of tensors and histograms everything is recorded at once; what of it is asked for is
 * taken out here.
 */
import { gunzipSync } from 'node:zlib';

const JSON_TYPE = 'application/json';

/** The recorded answers: a function from route and query to an answer. */
export function recordedAnswers(gzipped) {
  const { head, payload } = unpack(gunzipSync(gzipped));
  const bodies = new Map(
    head.map(({ asked, type, offset, length }) => [
      asked,
      { status: 200, type, body: payload.subarray(offset, offset + length) },
    ]),
  );
  return (route, query) => {
    const names = [route, query.get('run'), query.get('tag')];
    const found = bodies.get(names.filter(Boolean).join(' '));
    if (!found) return failure(404, `Not recorded: ${route}?${query}`);
    const part = PARTS[route];
    return part ? { ...found, body: part(unpack(found.body), query) } : found;
  };
}

const PARTS = { tensors: tensorsPart, histograms: histogramsPart };

/** The tensors at the steps asked for, with the blobs asked for. */
function tensorsPart({ head, payload }, query) {
  const steps = query.getAll('step').map(Number);
  const indices = query.getAll('index').map(Number);
  const parts = [];
  let length = 0;
  const tensors = head.tensors
    .filter(({ step }) => steps.includes(step))
    .map((tensor) => {
      const blobs = tensor.blobs
        .filter(({ index }) => indices.includes(index))
        .map((blob) => {
          parts.push(payload.subarray(blob.offset, blob.offset + blob.length));
          length += blob.length;
          return { ...blob, offset: length - blob.length };
        });
      return { ...tensor, blobs };
    });
  return pack({ ...head, tensors }, Buffer.concat(parts));
}

/** The rows asked for, of `histograms[step, row, bin]`. */
function histogramsPart({ head, payload }, query) {
  const rows = query.getAll('row').map(Number);
  const { offset, shape } = head.histograms;
  const [steps, all, bins] = shape;
  const bytes = bins * Float32Array.BYTES_PER_ELEMENT;
  const parts = [];
  for (let step = 0; step < steps; step++) {
    for (const row of rows) {
      const from = offset + (step * all + head.rows.indexOf(row)) * bytes;
      parts.push(payload.subarray(from, from + bytes));
    }
  }
  const histograms = { ...head.histograms, offset: 0, shape: [steps, rows.length, bins] };
  return pack({ ...head, rows, histograms }, Buffer.concat(parts));
}

function unpack(body) {
  const length = body.readUInt32LE(0);
  return {
    head: JSON.parse(body.subarray(4, 4 + length).toString()),
    payload: body.subarray(4 + length),
  };
}

function pack(head, payload) {
  let text = Buffer.from(JSON.stringify(head));
  text = Buffer.concat([text, Buffer.alloc((8 - ((4 + text.length) % 8)) % 8, ' ')]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text, payload]);
}

/** The same answers, with some of the runs. */
function withRuns(answer, isListed) {
  return (route, query) => {
    const found = answer(route, query);
    if (route !== 'runs') return found;
    const { runs } = JSON.parse(found.body.toString());
    const listed = runs.filter(({ run }) => isListed(run));
    return { ...found, body: Buffer.from(JSON.stringify({ runs: listed })) };
  };
}

function failure(status, text) {
  return { status, type: 'text/plain; charset=utf-8', body: Buffer.from(text) };
}

/**
 * Servers in the states that the page must cope with, by name: each a function from route
 * and query to an answer, or to undefined where none ever comes. `opened` says that a page
 * was loaded anew.
 */
export function servers(recorded) {
  let pollsOfStale = 0;
  const all = recorded;
  recorded = withRuns(all, (run) => !run.startsWith('heatmaps/'));
  return {
    recorded: { answer: recorded },
    heatmaps: { answer: withRuns(all, (run) => run.startsWith('heatmaps/')) },
    empty: {
      answer: () => ({ status: 200, type: JSON_TYPE, body: Buffer.from('{"runs": []}') }),
    },
    waiting: { answer: () => undefined },
    failing: { answer: () => failure(500, 'The server is out of order.') },
    'waiting-maps': {
      answer: (route, query) => (route === 'tensors' ? undefined : recorded(route, query)),
    },
    'failing-maps': {
      answer: (route, query) =>
        route === 'tensors'
          ? failure(404, 'The record of this tensor is damaged.')
          : recorded(route, query),
    },
    // Answers a page once, and then no more.
    stale: {
      opened: () => {
        pollsOfStale = 0;
      },
      answer: (route, query) =>
        route === 'runs' && pollsOfStale++ > 0
          ? failure(503, 'Gone.')
          : recorded(route, query),
    },
  };
}
