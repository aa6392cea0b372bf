/**
 * The server's routes, typed; `viewer/http_api.md` is their documentation.
 *
 * Addresses are relative: the document's base is `data/plugin/keract/`, wherever
 * TensorBoard lives. Every request takes an AbortSignal.
 */
import { type ArrayPlace, arrayAt, type TensorHeader, unpack } from './wire_format';

export interface RunEntry {
  run: string;
  start_time: number | null;
  format_error: string;
}

export interface Layer {
  path: string;
  class_name: string;
  parents: string[];
  outputs: { shape: number[]; dtype: string; path: string }[];
  parameter_count: number;
  trainable: boolean;
  activation: string;
  weights: string[];
  maps_recorded: boolean;
  note: string;
}

export interface TableRow {
  kind: string;
  path: string;
  layer_path: string;
  shape: number[];
  dtype: string;
  histogram_stride: number;
}

export interface ModelDescription {
  name: string;
  class_name: string;
  layers: Layer[];
  rows: TableRow[];
  statistics: string[];
  record_values: string[];
  probe: {
    samples: number;
    samples_recorded: number;
    labels: number[];
    class_names: string[];
    input_paths: string[];
    output_paths: string[];
    /** What each recorded sample reads, token by token; empty where it is no text. */
    tokens: { tokens: string[] }[];
  } | null;
  parameter_count: number;
  epochs: number;
  /** Bytes before compression that the maps of a record take; 0 where unknown. */
  planned_bytes_per_record: number;
  budget_bytes_per_record: number;
  budget_bytes_per_run: number;
  /** Records that the schedule plans; 0 where unknown. */
  planned_records: number;
  /** Of which batch the tables and the maps are; see `source.ts`. */
  tables_source: string;
  maps_source: string;
  /** The recorder's arguments, and what was at work with it. */
  settings: { name: string; value: string }[];
  versions: { name: string; value: string }[];
  notes: string[];
  histogram_edges: (number | string)[];
}

export interface StepList {
  steps: number[];
  wall_times: number[];
}

export interface Series {
  steps: StepList[];
  tags: Record<string, number>;
  /** The steps of all records: `statistics` answers with these. */
  statistics: number | null;
  /** The steps that may have histograms. */
  histograms: number | null;
  records_written: number | null;
}

/** The whole statistics table of a run; NaN is what a record left out. */
export interface Statistics {
  steps: number[];
  /** Seconds since 1970, of each step. */
  wallTimes: number[];
  epochs: number[];
  rows: number;
  columns: number;
  /** [step, row, column] */
  values: Float32Array;
  recordColumns: number;
  /** [step, value] */
  recordValues: Float32Array;
}

/** Rows of the histogram table at every step; NaN is a row that was left out. */
export interface Histograms {
  steps: number[];
  rows: number[];
  /** [step, row, bin] */
  counts: Float32Array;
}

export interface StoredTensor {
  step: number;
  wallTime: number;
  header: TensorHeader;
  /** Gzip streams by their index. */
  blobs: Map<number, Uint8Array>;
}

/** An answer other than 2xx, in the server's own words. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

type Parameters = Record<string, string | number | readonly number[] | undefined>;

async function get(route: string, parameters: Parameters, signal: AbortSignal) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value])
      query.append(name, String(one));
  }
  const text = query.toString();
  const response = await fetch(text ? `${route}?${text}` : route, { signal });
  if (!response.ok) {
    const type = response.headers.get('content-type') ?? '';
    const said = type.startsWith('text/plain') ? (await response.text()).trim() : '';
    throw new ApiError(response.status, said || `TensorBoard answered ${response.status}.`);
  }
  return response;
}

export async function getRuns(signal: AbortSignal): Promise<RunEntry[]> {
  const answer = (await (await get('runs', {}, signal)).json()) as { runs: RunEntry[] };
  return answer.runs;
}

export async function getModel(
  run: string,
  signal: AbortSignal,
): Promise<ModelDescription> {
  return (await (await get('model', { run }, signal)).json()) as ModelDescription;
}

export async function getSeries(run: string, signal: AbortSignal): Promise<Series> {
  return (await (await get('series', { run }, signal)).json()) as Series;
}

export async function getStatistics(run: string, signal: AbortSignal): Promise<Statistics> {
  const response = await get('statistics', { run }, signal);
  const { json, payload } = unpack<{
    steps: number[];
    wall_times: number[];
    epochs: number[];
    rows: number;
    columns: number;
    statistics: ArrayPlace;
    record_values: ArrayPlace;
  }>(await response.arrayBuffer());
  return {
    steps: json.steps,
    wallTimes: json.wall_times,
    epochs: json.epochs,
    rows: json.rows,
    columns: json.columns,
    values: arrayAt(payload, json.statistics),
    recordColumns: json.record_values.shape[1] ?? 0,
    recordValues: arrayAt(payload, json.record_values),
  };
}

export async function getHistograms(
  run: string,
  row: readonly number[],
  signal: AbortSignal,
  /** At these steps alone; left out, at all. */
  step?: readonly number[],
): Promise<Histograms> {
  const response = await get('histograms', { run, row, step }, signal);
  const { json, payload } = unpack<{
    steps: number[];
    rows: number[];
    histograms: ArrayPlace;
  }>(await response.arrayBuffer());
  return { steps: json.steps, rows: json.rows, counts: arrayAt(payload, json.histograms) };
}

/** Headers, and the blobs of `index`, of a tensor at some steps. */
export async function getTensors(
  question: {
    run: string;
    tag: string;
    step: readonly number[];
    index: readonly number[];
    wallTime?: number | undefined;
  },
  signal: AbortSignal,
): Promise<StoredTensor[]> {
  const { run, tag, step, index, wallTime } = question;
  const response = await get(
    'tensors',
    { run, tag, step, index, wall_time: wallTime },
    signal,
  );
  const { json, payload } = unpack<{
    tensors: {
      step: number;
      wall_time: number;
      header: TensorHeader;
      blobs: { index: number; offset: number; length: number }[];
    }[];
  }>(await response.arrayBuffer());
  return json.tensors.map(({ step, wall_time, header, blobs }) => ({
    step,
    wallTime: wall_time,
    header,
    blobs: new Map(
      blobs.map(({ index, offset, length }) => [
        index,
        payload.subarray(offset, offset + length),
      ]),
    ),
  }));
}
