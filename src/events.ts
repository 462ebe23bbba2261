/** What a run of knest tells while it works; the CLI renders it, a library user may listen. */

export type StepEvent =
  | { type: 'started'; id: string; title: string }
  /** Something new about a step under way: "compiled 812 of 2119 packages". */
  | { type: 'progress'; id: string; message: string }
  | { type: 'done'; id: string; title: string; seconds: number }
  /** Nothing to do: it was done already. */
  | { type: 'skipped'; id: string; title: string }
  | { type: 'failed'; id: string; title: string; seconds: number; error: unknown }
  /** A remark outside any step: a choice made and why, a warning. */
  | { type: 'note'; level: 'info' | 'warning'; message: string };

export type Listener = (event: StepEvent) => void;

/** What a step's work gets: a way to tell how far it is. */
export type Progress = (message: string) => void;
