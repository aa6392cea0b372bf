import { signal } from '@preact/signals';
import { stack } from '../maps_store';
import { data } from '../store';
import { useModal } from './hooks';
import { later } from './later';
import { Waiting } from './Messages';

const ExportMenu = later(
  async () => (await import('./ExportMenu')).ExportMenu,
  () => (
    <ul>
      <li>
        <Waiting />
      </li>
    </ul>
  ),
);
const FilmForm = later(async () => (await import('./FilmForm')).FilmForm);

/** Why the last export failed. */
const failure = signal('');

const opened = signal(false);
const filmShown = signal(false);

/** What can be taken away from the view, in a menu. */
export function Export() {
  if (!data.value) return null;
  return (
    <>
      <details
        class="export"
        onToggle={({ currentTarget }) => {
          opened.value = currentTarget.open;
        }}
        // Closed by a choice, and by going elsewhere.
        onClick={({ target, currentTarget }) => {
          if ((target as Element).closest('a, li button')) currentTarget.open = false;
        }}
        onFocusOut={({ relatedTarget, currentTarget }) => {
          if (!currentTarget.contains(relatedTarget as Node | null))
            currentTarget.open = false;
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Escape' || !event.currentTarget.open) return;
          event.stopPropagation();
          event.currentTarget.open = false;
          event.currentTarget.querySelector('summary')?.focus();
        }}
      >
        <summary class="button" data-testid="export">
          Export
        </summary>
        {opened.value && (
          <ExportMenu
            onFilm={() => {
              filmShown.value = true;
            }}
            onFailure={(why) => {
              failure.value = why;
            }}
          />
        )}
      </details>
      {failure.value && (
        <span class="offline" role="alert">
          {failure.value}
        </span>
      )}
      <FilmDialog />
    </>
  );
}

/** Asks of which maps and steps an animated GIF is to be, and makes it. */
function FilmDialog() {
  const open = filmShown.value && stack.value.answer !== undefined;
  const ref = useModal(open);
  const close = () => {
    filmShown.value = false;
  };
  return (
    <dialog
      ref={ref}
      class="film-dialog"
      aria-label="Animated GIF"
      onClose={close}
      // Keys are the dialog's alone: Escape closes it and nothing else.
      onKeyDown={(event) => event.stopPropagation()}
    >
      {open && <FilmForm close={close} />}
    </dialog>
  );
}
