import { useEffect, useRef } from 'preact/hooks';
import { KEYS, keysShown } from '../actions';

/** The sheet of keys. */
export function Keys() {
  const ref = useRef<HTMLDialogElement>(null);
  const open = keysShown.value;
  useEffect(() => {
    if (open) ref.current?.showModal();
    else ref.current?.close();
  }, [open]);
  return (
    <dialog
      ref={ref}
      class="keys"
      aria-label="Keyboard"
      onClose={() => {
        keysShown.value = false;
      }}
      // A click beside the sheet closes it.
      onClick={(event) => {
        if (event.target === ref.current) keysShown.value = false;
      }}
    >
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
      <button
        type="button"
        class="button"
        onClick={() => {
          keysShown.value = false;
        }}
      >
        Close
      </button>
    </dialog>
  );
}
