import { goToStep } from '../actions';
import { formatCount, formatValue } from '../format';
import { heatPainting, isFlat } from '../heat_painting';
import { openHeat } from '../heat_store';
import { methodTitle } from '../methods';
import { state } from '../state';
import { sample, step } from '../store';
import type { Stack } from '../wire_format';
import { HeatPlane } from './HeatPlane';
import { HeatStrip } from './HeatStrip';

/** Shows a heatmap in the details, at its step; again, closes them. */
export function openTile(stack: Stack): void {
  const { path, step: at } = stack.header;
  const open = openHeat.value === path && sample.value === stack.index && step.value === at;
  state.heat.value = open ? '' : path;
  state.sample.value = stack.index === 0 ? null : stack.index;
  state.samples.value = null;
  if (at !== step.value) goToStep(at);
}

/** The values that a heatmap's colours span: "≤ 0.12", "± 0.12". */
export function spanWords(stack: Stack, input: Stack | undefined): string {
  const { domain, signed } = heatPainting(stack, input);
  if (domain.high === 0) return 'all 0';
  return `${signed ? '±' : '≤'} ${formatValue(domain.high, 2)}`;
}

/** A heatmap with what its colours span; a click shows it in the details. */
export function HeatTile({
  stack,
  input,
  width,
  height,
  bare,
}: {
  stack: Stack;
  input: Stack | undefined;
  width: number;
  height: number;
  /** Without its caption. */
  bare?: boolean;
}) {
  const { path, step: at } = stack.header;
  const span = spanWords(stack, input);
  const isOpen =
    openHeat.value === path && sample.value === stack.index && step.value === at;
  const label = `${methodTitle(path)}, sample ${stack.index}, step ${formatCount(at)}, ${span}`;
  return (
    <button
      type="button"
      class={`tile ${isOpen ? 'selected' : ''}`}
      aria-pressed={isOpen}
      aria-label={label}
      data-testid="heat-tile"
      style={{ width: `${width}px` }}
      onClick={() => openTile(stack)}
    >
      {isFlat(stack.header) ? (
        <HeatPlane {...{ stack, input, width, height }} />
      ) : (
        <HeatStrip {...{ stack, input }} />
      )}
      {!bare && (
        <span class="caption">
          <span>{span}</span>
        </span>
      )}
    </button>
  );
}
