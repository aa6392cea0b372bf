/** What attribution methods are called, and what they explain, in words. Pure. */
import type { ClassWords } from './flips';
import { className } from './flips';
import type { Explanation, TensorHeader } from './wire_format';

/** In the order in which they stand. */
const TITLES: Record<string, string> = {
  grad_cam: 'Grad-CAM',
  grad_cam_plus_plus: 'Grad-CAM++',
  hires_cam: 'HiResCAM',
  layer_cam: 'LayerCAM',
  score_cam: 'Score-CAM',
  activation_heatmap: 'Activation',
  saliency: 'Saliency',
  gradient_x_input: 'Gradient × input',
  smooth_grad: 'SmoothGrad',
  integrated_gradients: 'Integrated gradients',
  guided_backprop: 'Guided backprop',
  deconvnet: 'DeconvNet',
  occlusion: 'Occlusion',
};
const ORDER = Object.keys(TITLES);

/** `grad_cam@conv4` and `saliency/image` taken apart. */
function parts(path: string): { method: string; rest: string } {
  const [, method, rest] = /^([^@/]*)(.*)$/s.exec(path) ?? ['', path, ''];
  return { method, rest };
}

/** "Grad-CAM", "Grad-CAM · conv4"; a name of the reader's own as it is. */
export function methodTitle(path: string): string {
  const { method, rest } = parts(path);
  const title = TITLES[method];
  if (title === undefined) return path;
  return rest ? `${title} · ${rest.slice(1)}` : title;
}

/** Paths of heatmaps by method, those of no known one last. */
export function methodOrder(paths: readonly string[]): string[] {
  const rank = (path: string) => {
    const at = ORDER.indexOf(parts(path).method);
    return at < 0 ? ORDER.length : at;
  };
  return [...paths].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

/** Whether values below zero count: as recorded, or as the values themselves say. */
export function isSignedHeat({ explanation, low }: TensorHeader): boolean {
  return explanation.method ? explanation.signed : low.some((value) => value < 0);
}

const RULES: Record<string, string> = {
  label: 'the label of each sample',
  predicted: 'the class that is predicted at this step',
  ids: 'a chosen class',
  function: 'a function of the outputs',
};

const SOURCES: Record<string, string> = {
  logits: 'its logit, the value before the final softmax or sigmoid',
  output: 'the model’s output',
};

/** "explained: the label of each sample, by its logit, …"; empty where nothing is scored. */
export function explainedWords({ target_rule, score_source }: Explanation): string {
  const rule = RULES[target_rule];
  if (!rule) return '';
  const source = SOURCES[score_source];
  return source ? `${rule}, by ${source}` : rule;
}

/** "class 7", by its name where it has one; empty of a function. */
export function targetWords(
  { targets }: Explanation,
  sample: number,
  words: ClassWords,
): string {
  const target = targets[sample];
  return target === undefined ? '' : className(words, target);
}

/** The explained score of a sample; NaN where there is none. */
export function scoreOf({ scores }: Explanation, sample: number): number {
  return sample < scores.length ? Number(scores[sample]) : Number.NaN;
}

/** What of the heatmap was reduced, in words; empty where nothing was. */
export function reducedWords(header: TensorHeader): string[] {
  const notes: string[] = [];
  const sizes = header.axes.filter(
    ({ name }) => name === header.height_axis || name === header.width_axis,
  );
  const pooled = sizes.filter(({ pooling }) => pooling > 1);
  if (pooled.length > 0)
    notes.push(`means of ${sizes.map(({ pooling }) => pooling).join(' × ')} values`);
  for (const { name, stored, size, pooling } of sizes)
    if (pooling <= 1 && stored < size)
      notes.push(`the first ${stored} of ${size} along ${name}`);
  if (header.channels > 1)
    notes.push(`the mean of ${header.channels} ${header.channel_axes.join(' × ')} planes`);
  return notes;
}
