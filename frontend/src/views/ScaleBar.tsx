import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Colormap } from '../colormaps';
import { type Domain, legendPixels } from '../heatmap';
import { drawPixels } from './Plane';

const COLORS = 256;

/** The colours of a domain from low to high, with what lies over them. */
export function ScaleBar(props: {
  domain: Domain;
  map: Colormap;
  children?: ComponentChildren;
}) {
  const { domain, map, children } = props;
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (ref.current) drawPixels(ref.current, legendPixels(domain, map, COLORS), COLORS, 1);
  }, [domain.low, domain.high, map]);
  return (
    <span class="bar">
      <canvas ref={ref} />
      {children}
    </span>
  );
}
