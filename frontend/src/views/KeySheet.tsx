import { KEYS, keysShown } from '../actions';
import { FLIP_SHAPE } from './FlipMarks';
import { HEALTH_SHAPES } from './HealthMark';

const MARKS = [
  { kind: 'bad', path: HEALTH_SHAPES.bad, what: 'alert' },
  { kind: 'warning', path: HEALTH_SHAPES.warning, what: 'warning' },
  { kind: 'skipped', path: 'M2 2l6 6m0 -6l-6 6', what: 'update skipped' },
  { kind: 'own', path: FLIP_SHAPE, what: 'prediction changed, of the sample shown' },
  { kind: 'flip', path: FLIP_SHAPE, what: 'of another sample' },
];

/** The keys of the page, and what the marks on the step axis say. */
export function KeySheet() {
  return (
    <>
      <h2>Keyboard</h2>
      <dl>
        {KEYS.map(({ keys, what }) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <h2>Marks on the step axis</h2>
      <ul>
        {MARKS.map(({ kind, path, what }) => (
          <li key={kind}>
            <svg class={`health ${kind}`} viewBox="-1 -1 12 12" aria-hidden="true">
              <path d={path} />
            </svg>
            {what}
          </li>
        ))}
      </ul>
      <button
        type="button"
        class="button"
        onClick={() => {
          keysShown.value = false;
        }}
      >
        Close
      </button>
    </>
  );
}
