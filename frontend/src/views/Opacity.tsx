import { state } from '../state';

/** How much of an image its heatmap covers at most. */
export function Opacity({ disabled = false }: { disabled?: boolean }) {
  const { value } = state.opacity;
  return (
    <label class="opacity">
      opacity
      <input
        type="range"
        min={0}
        max={1}
        step={0.05}
        value={value}
        disabled={disabled}
        data-testid="opacity"
        onInput={(event) => {
          state.opacity.value = Number(event.currentTarget.value);
        }}
      />
      <output>{Math.round(100 * value)} %</output>
    </label>
  );
}
