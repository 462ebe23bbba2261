/** What tells the story of a run. */

import type { Listener } from '../../events.ts';

export interface Reporter {
  listener: Listener;
  /** A paragraph for the user that belongs to no step: what to do next. */
  say: (text: string) => void;
  /** Leaves the terminal as it should be; nothing may be reported after it. */
  close: () => void;
}
