import { resetWindow } from '../actions';
import { SPECIAL_COLORS } from '../colormaps';
import { formatCount } from '../format';
import { countSpecial } from '../heatmap';
import { domainWindow, type Painting } from '../painting';
import type { Stack } from '../wire_format';
import { Bar, End } from './Window';

/**
 * What the colours mean, in the words and colours of the maps themselves; its ends are
 * typed or dragged.
 */
export function Legend({
  stacks,
  painting,
}: {
  stacks: readonly Stack[];
  painting: Painting;
}) {
  const { shared, map } = painting;
  const specials = stacks.map((stack) => countSpecial(stack, shared));
  const total = (key: keyof (typeof specials)[number]) =>
    specials.reduce((sum, counts) => sum + counts[key], 0);
  const { low, high } = domainWindow.value;
  return (
    <div
      class="legend"
      data-testid="legend"
      data-low={shared?.low}
      data-high={shared?.high}
      data-colormap={map.name}
    >
      <Swatch color={SPECIAL_COLORS.nan} name="NaN" count={total('nan')} />
      <Swatch color={SPECIAL_COLORS.positiveInf} name="+Inf" count={total('positiveInf')} />
      <Swatch color={SPECIAL_COLORS.negativeInf} name="−Inf" count={total('negativeInf')} />
      <End end="low" painting={painting} />
      <Bar painting={painting} clipped={total('clipped')} />
      <End end="high" painting={painting} />
      {/* It keeps its place while unused, so that the bar stays under the pointer. */}
      <button
        type="button"
        class={`reset ${low === null && high === null ? 'unused' : ''}`}
        data-testid="window-reset"
        title="Back to the range of the normalisation"
        onClick={resetWindow}
      >
        reset
      </button>
    </div>
  );
}

function Swatch({ color, name, count }: { color: string; name: string; count: number }) {
  if (count === 0) return null;
  return (
    <span class="swatch" title={`${formatCount(count)} values are ${name} in these maps`}>
      <i style={{ background: color }} />
      {name} <small>{formatCount(count)}</small>
    </span>
  );
}
