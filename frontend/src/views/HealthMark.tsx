import type { Health, HealthLevel } from '../alerts';

// Each level has a shape of its own, for eyes that colours don't tell apart.
export const HEALTH_SHAPES: Record<HealthLevel, string> = {
  good: 'M5 1.2a3.8 3.8 0 1 1 0 7.6 3.8 3.8 0 0 1 0-7.6z',
  warning: 'M5 0l5 5-5 5-5-5z',
  bad: 'M5 .3l5 9.2H0z',
  unknown: 'M5 1.8a3.2 3.2 0 1 1 0 6.4 3.2 3.2 0 0 1 0-6.4z',
};

const WORDS: Record<HealthLevel, string> = {
  good: 'healthy',
  warning: 'warning',
  bad: 'broken',
  unknown: 'nothing recorded',
};

export function HealthMark({ health }: { health: Health }) {
  return (
    <svg
      class={`health ${health.level}`}
      viewBox="0 0 10 10"
      role="img"
      aria-label={WORDS[health.level]}
    >
      <path d={HEALTH_SHAPES[health.level]} />
    </svg>
  );
}
