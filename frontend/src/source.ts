/** Of which batch tables and maps are: `tables_source` and `maps_source` of a model. Pure. */

/** Whether it is the probe: the same samples at every step. */
export function isProbe(source: string): boolean {
  return source === '' || source === 'probe';
}

/** "the training batch"; another's source stands for itself. */
export function sourceWords(source: string): string {
  if (isProbe(source)) return 'the probe';
  if (source === 'training') return 'the training batch';
  if (source === 'dataset') return 'the whole dataset';
  return `“${source}”`;
}

/** What a title says of a tensor's batch; empty where it is the probe's, or has none. */
export function batchNote(kind: string, source: string): string {
  return kind === 'weight' || isProbe(source) ? '' : `of ${sourceWords(source)}`;
}
