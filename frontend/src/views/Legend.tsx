import { useLayoutEffect, useRef } from 'preact/hooks';
import { SPECIAL_COLORS } from '../colormaps';
import { formatCount, formatValue } from '../format';
import { countSpecial, legendPixels } from '../heatmap';
import { centred, type Painting } from '../painting';
import type { Stack } from '../wire_format';
import { drawPixels } from './Plane';

const COLORS = 256;

/** What the colours mean, in the words and colours of the maps themselves. */
export function Legend({ stack, painting }: { stack: Stack; painting: Painting }) {
  const { shared, map } = painting;
  const ref = useRef<HTMLCanvasElement>(null);
  const domain = shared ?? { low: 0, high: 1 };
  useLayoutEffect(() => {
    if (ref.current) drawPixels(ref.current, legendPixels(domain, map, COLORS), COLORS, 1);
  }, [domain.low, domain.high, map]);
  const counts = countSpecial(stack, shared);
  const centre = shared && shared.low < 0 && shared.high === -shared.low;
  return (
    <div
      class="legend"
      data-testid="legend"
      data-low={shared?.low}
      data-high={shared?.high}
      data-colormap={map.name}
    >
      <span class="end">
        {shared
          ? formatValue(shared.low, 3)
          : centred.value
            ? 'each its −max'
            : 'each its min'}
      </span>
      <span class="bar">
        <canvas ref={ref} />
        {centre && <i title="0" />}
      </span>
      <span class="end">{shared ? formatValue(shared.high, 3) : 'max'}</span>
      <Swatch color={SPECIAL_COLORS.nan} name="NaN" count={counts.nan} />
      <Swatch color={SPECIAL_COLORS.positiveInf} name="+Inf" count={counts.positiveInf} />
      <Swatch color={SPECIAL_COLORS.negativeInf} name="−Inf" count={counts.negativeInf} />
      {counts.clipped > 0 && (
        <span class="swatch">{formatCount(counts.clipped)} clipped</span>
      )}
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
