import { useRef } from 'preact/hooks';

// As far as an arrow key moves a divider.
const KEY_PX = 16;

/** A line between two panels that sizes one of them: by pointer, or by key. */
export function Divider(props: {
  label: string;
  testId: string;
  /** Whether the line stands, between panels side by side, or lies. */
  orientation: 'vertical' | 'horizontal';
  /** Whether the panel lies before the line. */
  before: boolean;
  value: number;
  least: number;
  most: number;
  /** Null is as it was at first. */
  onSize: (size: number | null) => void;
}) {
  const { label, testId, orientation, before, value, least, most, onSize } = props;
  const from = useRef<{ at: number; value: number } | null>(null);
  const at = (event: PointerEvent) =>
    orientation === 'vertical' ? event.clientX : event.clientY;
  const size = (wanted: number) =>
    onSize(Math.round(Math.max(least, Math.min(most, wanted))));
  const grow = before ? KEY_PX : -KEY_PX;
  const keys: Record<string, () => void> = {
    [orientation === 'vertical' ? 'ArrowLeft' : 'ArrowUp']: () => size(value - grow),
    [orientation === 'vertical' ? 'ArrowRight' : 'ArrowDown']: () => size(value + grow),
    Home: () => size(least),
    End: () => size(most),
  };
  return (
    <div
      class={`divider ${orientation} ${before ? '' : 'after'}`}
      data-testid={testId}
      role="separator"
      tabIndex={0}
      aria-label={label}
      aria-orientation={orientation}
      aria-valuenow={Math.round(value)}
      aria-valuemin={Math.round(least)}
      aria-valuemax={Math.round(most)}
      title={`${label}: drag, or arrow keys; a double click resets it`}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        from.current = { at: at(event), value };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (!from.current) return;
        const moved = at(event) - from.current.at;
        size(from.current.value + (before ? moved : -moved));
      }}
      onPointerUp={() => {
        from.current = null;
      }}
      onPointerCancel={() => {
        from.current = null;
      }}
      onDblClick={() => onSize(null)}
      onKeyDown={(event) => {
        const act = keys[event.key];
        if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        act();
      }}
    />
  );
}
