import type { ComponentChildren, CSSProperties } from 'preact';
import { InView, useVisible } from './hooks';

/** A row that holds its place, and is filled only while it is in view, or nearly. */
export function LazyRow({
  class: className,
  style,
  label,
  minHeight,
  children,
}: {
  class: string;
  style?: CSSProperties;
  /** What the row is of: there even while it is out of view. */
  label?: ComponentChildren;
  minHeight: number;
  children: () => ComponentChildren;
}) {
  const [ref, visible] = useVisible<HTMLDivElement>();
  return (
    <div ref={ref} class={className} style={{ ...style, minHeight: `${minHeight}px` }}>
      {label}
      {visible && <InView.Provider value={true}>{children()}</InView.Provider>}
    </div>
  );
}
