import type { ComponentChildren } from 'preact';

// A read-out so near to the right edge goes to the left of the pointer.
const LARGEST_WIDTH = 280;

/** What floats beside the pointer and says what is under it. */
export function Floating(props: {
  pageX: number;
  pageY: number;
  children: ComponentChildren;
}) {
  const { pageX, pageY, children } = props;
  const left = pageX > window.innerWidth - LARGEST_WIDTH;
  const above = pageY > 120;
  const x = left ? 'calc(-100% - 12px)' : '14px';
  const y = above ? 'calc(-100% - 10px)' : '18px';
  return (
    <div
      class="read-out"
      data-testid="hover-readout"
      role="status"
      style={{ left: `${pageX}px`, top: `${pageY}px`, transform: `translate(${x}, ${y})` }}
    >
      {children}
    </div>
  );
}
