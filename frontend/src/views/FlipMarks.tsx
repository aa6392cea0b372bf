import { signal } from '@preact/signals';
import { goToStep } from '../actions';
import { flips, flipsHere } from '../flip_store';
import { type Flip, type FlipMark, flipMarks, flipText } from '../flips';
import { formatCount } from '../format';
import { outputWords, sample } from '../store';
import { Floating } from './Floating';

// Two marks side by side can be told apart, and hit.
const APART = 11;
const MOST_LINES = 8;
/** An hourglass: one class above, another below. */
export const FLIP_SHAPE = 'M1 0h8L1 10h8z';

interface Pointed {
  mark: FlipMark;
  pageX: number;
  pageY: number;
}

/** The mark under the pointer; null is none. */
const pointed = signal<Pointed | null>(null);

/** A mark where the model changes its mind about samples; a click goes to the step. */
export function FlipMarks(props: { x: (step: number) => number; y: number }) {
  return (
    <>
      {flipMarks(flips.value, props.x, APART).map((mark) => {
        const [first] = mark.flips;
        const own = mark.flips.find((flip) => flip.sample === sample.value);
        const scale = own ? 1.1 : 0.8;
        return (
          <g
            key={`${first.step} ${first.sample}`}
            class={`flip-mark ${own ? 'own' : ''}`}
            data-testid="flip-mark"
            data-step={first.step}
            data-flips={mark.flips.length}
            transform={`translate(${mark.x} ${props.y})`}
            // Not the beginning of a scrub.
            onPointerDown={(event) => event.stopPropagation()}
            onPointerEnter={({ clientX: pageX, clientY: pageY }) => {
              pointed.value = { mark, pageX, pageY };
            }}
            onPointerLeave={() => {
              pointed.value = null;
            }}
            onClick={() => goToStep((own ?? first).step)}
          >
            <rect x={-APART / 2} y={-8} width={APART} height={16} />
            <path d={FLIP_SHAPE} transform={`scale(${scale}) translate(-5 -5)`} />
          </g>
        );
      })}
    </>
  );
}

/** What changed where the pointer is. */
export function FlipReadOut() {
  if (!pointed.value) return null;
  const { mark, pageX, pageY } = pointed.value;
  const { flips } = mark;
  const steps = [flips[0].step, flips[flips.length - 1].step];
  const hidden = flips.length - MOST_LINES;
  return (
    <Floating pageX={pageX} pageY={pageY}>
      <b>
        {flips.length === 1
          ? 'Prediction changed'
          : `${formatCount(flips.length)} predictions changed`}
      </b>
      {flips.slice(0, MOST_LINES).map((flip) => (
        <span key={`${flip.step} ${flip.sample}`}>
          {flipText(flip, outputWords.value)}
          {steps[0] !== steps[1] && `, step ${formatCount(flip.step)}`}
        </span>
      ))}
      {hidden > 0 && <span>and {formatCount(hidden)} more</span>}
      <span>
        {steps[0] === steps[1]
          ? `at step ${formatCount(steps[0])}, after step ${formatCount(flips[0].since)}`
          : `steps ${formatCount(steps[0])} to ${formatCount(steps[1])}`}
      </span>
    </Floating>
  );
}

/** What changed at the scrubber's step, the sample in the details first. */
export function flipsHereText(): string[] {
  const own = (flip: Flip) => Number(flip.sample !== sample.value);
  return [...flipsHere.value]
    .sort((a, b) => own(a) - own(b))
    .map((flip) => flipText(flip, outputWords.value));
}

/** The same beside the step, for those who come by key. */
export function FlipsHere() {
  const all = flipsHereText();
  return (
    <div class="records flips-here" aria-live="polite" title={all.join('\n')}>
      {all.length > 0 && (
        <span data-testid="flips-here">
          <svg viewBox="-5 0 20 10" role="img" aria-label="Prediction changed:">
            <path d={FLIP_SHAPE} />
          </svg>
          {all[0]}
          {all.length > 1 && `, ${formatCount(all.length - 1)} more`}
        </span>
      )}
    </div>
  );
}
