/** What a run of knest tells while it works; the CLI renders it, a library user may listen. */

/** Steps by what they are about. The name of a machine, or the id of a layer, comes after the slash. */
export type StepId =
  | `layer/${string}`
  | `machine/${string}`
  | `load/${string}`
  | `start/${string}`
  | `stop/${string}`
  | `rejoin/${string}`
  | `delete/${string}`
  | `delete-node/${string}`
  | 'packages'
  | 'leases'
  | 'certificates'
  | 'network'
  | 'kubeconfig'
  | 'others'
  | 'addresses'
  | 'etcd'
  | 'ready'
  | 'ready/others'
  | 'usable'
  | 'images';

export type StepEvent =
  | { type: 'started'; id: StepId; title: string }
  /** Something new about a step under way: "compiled 812 of 2119 packages". */
  | { type: 'progress'; id: StepId; message: string }
  | { type: 'done'; id: StepId; title: string; seconds: number }
  /** Nothing to do: it was done already. */
  | { type: 'skipped'; id: StepId; title: string }
  | { type: 'failed'; id: StepId; title: string; seconds: number; error: unknown }
  /** A remark outside any step: a choice made and why, a warning. */
  | { type: 'note'; level: 'info' | 'warning'; message: string };

export type Listener = (event: StepEvent) => void;

/** What a step's work gets: a way to tell how far it is. */
export type Progress = (message: string) => void;
