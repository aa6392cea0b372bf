/** The states that the gallery shows, typed; the tests in Python read the same list. */
import groups from './states.json';

export interface GalleryState {
  name: string;
  title: string;
  /** Which of the servers of `scripts/answers.mjs` the page asks; the recorded runs. */
  server?: string;
  /** What the page's address says. */
  state: Record<string, string | number | undefined>;
  /** Whether its snapshot is of the whole page, not of its middle. */
  body?: boolean;
  /** Whether its snapshot has the dark theme, too. */
  dark?: boolean;
  /** What the page says at last, where that takes seconds. */
  until?: string;
  /** A selector of what is clicked once it is there. */
  click?: string;
}

export const GROUPS: { group: string; states: GalleryState[] }[] = groups;
