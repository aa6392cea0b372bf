/** What the page says where a step lacks what is shown, and the way to one that has it. */
import type { ComponentChildren } from 'preact';
import { goToStep } from '../actions';
import { formatCount } from '../format';
import type { Nearby } from '../selection';
import { SKIPPED_TEXT, skippedSteps } from '../statistics';
import { data, step } from '../store';
import { Note } from './Messages';

/** In place of the maps. */
export function Absent({
  nearby,
  children,
}: {
  nearby: Nearby;
  children: ComponentChildren;
}) {
  return (
    <div class="message" data-testid="absent">
      <p>
        <b>No feature maps at step {formatCount(step.value ?? 0)}.</b>
      </p>
      <p>{children}</p>
      <p>
        <Nearest nearby={nearby} />
      </p>
      <p class="keys-hint">
        The keys <kbd>,</kbd> and <kbd>.</kbd> go from one step with maps to the next.
      </p>
    </div>
  );
}

/** The nearest steps on either side, as buttons. */
export function Nearest({ nearby, short }: { nearby: Nearby; short?: boolean }) {
  const shown = (step: number) => `${short ? '' : 'step '}${formatCount(step)}`;
  return (
    <span class="nearest">
      Nearest:
      {(['before', 'after'] as const).map((side) => {
        const step = nearby[side];
        return (
          step !== undefined && (
            <button
              key={side}
              type="button"
              class="button"
              data-testid={`step-${side}`}
              title={`Go to the step ${side} that has it`}
              onClick={() => goToStep(step)}
            >
              {side === 'before' ? `◂ ${shown(step)}` : `${shown(step)} ▸`}
            </button>
          )
        );
      })}
    </span>
  );
}

/** Whether the update of the scrubber's step was skipped. */
export function isSkipped(): boolean {
  const [known, at] = [data.value, step.value];
  if (!known?.statistics || at === undefined) return false;
  return skippedSteps(known.model, known.statistics).includes(at);
}

/** What is to be known of this step, whatever is shown of it. */
export function StepNotes() {
  if (!isSkipped()) return null;
  return (
    <Note>
      <span data-testid="skipped-note">
        Step {formatCount(step.value ?? 0)}: {SKIPPED_TEXT}.
      </span>
    </Note>
  );
}
