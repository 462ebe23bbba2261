/**
 * Everything that goes wrong for a reason the user can act on. The CLI prints these without a stack trace;
 * anything else that is thrown is a bug in knest.
 */

/** Process exit codes; docs/reference lists them. */
export const exitCodes = {
  ok: 0,
  /** something failed on the way: a command, a download, a timeout */
  failed: 1,
  /** wrong flags or configuration: nothing was touched */
  usage: 2,
  /** the host lacks something that knest needs: nothing was touched */
  preflight: 3,
  /** the cluster (or node) named does not exist */
  notFound: 4,
  /** the cluster exists already */
  exists: 5,
  /** another knest works on the same cluster */
  locked: 6,
  /** the cluster did not become Ready in time */
  notReady: 7,
} as const;

export type ErrorKind = Exclude<keyof typeof exitCodes, 'ok'>;

export interface KnestErrorOptions {
  kind?: ErrorKind;
  /** What the user should do next, a whole sentence or a command. */
  hint?: string;
  /** More lines to show below the message: the tail of a journal or of stderr. */
  details?: readonly string[];
  cause?: unknown;
}

/** An expected failure: what happened and where (message), why (cause, details), what to do next (hint). */
export class KnestError extends Error {
  override readonly name: string = 'KnestError';
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor(message: string, options: KnestErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = options.kind ?? 'failed';
    this.hint = options.hint;
    this.details = options.details ?? [];
  }
}

/** One thing wrong in what the user gave, with its path in the config (`nodes[0].role`) or its flag (`--name`). */
export interface Problem {
  path: string;
  message: string;
  hint?: string;
}

/** Bad input: all of its problems at once. */
export class InputError extends KnestError {
  override readonly name = 'InputError';
  readonly problems: readonly Problem[];

  constructor(subject: string, problems: readonly Problem[]) {
    super(`${subject}: ${problems.length} problem${problems.length === 1 ? '' : 's'}`, {
      kind: 'usage',
      details: problems.map(({ path, message, hint }) => `${path}: ${message}${hint ? ` (${hint})` : ''}`),
    });
    this.problems = problems;
  }
}

/** Why a program gave no result. An abort is none of them: what was aborted fails with the signal's own reason. */
export type CommandFailure =
  | { reason: 'exit'; exitCode: number }
  /** Milliseconds that it had. */
  | { reason: 'timeout'; timeout: number }
  | { reason: 'signal'; signal: string }
  /** There is no such program. */
  | { reason: 'notFound' };

/** A program that ended with an exit code other than those expected, or did not come to its end by itself. */
export class CommandError extends KnestError {
  override readonly name = 'CommandError';
  readonly argv: readonly string[];
  readonly failure: CommandFailure;
  readonly stderr: string;

  /** @param failure an exit code, or why there is none */
  constructor(
    host: string,
    argv: readonly string[],
    failure: number | CommandFailure,
    stderr: string,
    cause?: unknown,
  ) {
    const why: CommandFailure = typeof failure === 'number' ? { reason: 'exit', exitCode: failure } : failure;
    super(`${argv[0] ?? 'command'} ${inWords(why, host)}: ${printableCommand(argv)}`, {
      details: tail(stderr, 10),
      ...(cause === undefined ? {} : { cause }),
    });
    this.argv = argv;
    this.failure = why;
    this.stderr = stderr;
  }

  get reason(): CommandFailure['reason'] {
    return this.failure.reason;
  }

  /** undefined when it has none: see reason. */
  get exitCode(): number | undefined {
    return this.failure.reason === 'exit' ? this.failure.exitCode : undefined;
  }
}

function inWords(failure: CommandFailure, host: string): string {
  switch (failure.reason) {
    case 'exit':
      return `exited ${failure.exitCode} on ${host}`;
    case 'timeout':
      return `did not end within ${failure.timeout / 1000} s on ${host}`;
    case 'signal':
      return `was ended by ${failure.signal} on ${host}`;
    case 'notFound':
      return `is not installed on ${host}`;
  }
}

/** The command as it can be pasted into a shell. */
export function printableCommand(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

/** The last lines of a text, empty ones left out. */
export function tail(text: string, lines: number): string[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines);
}

/** What a thrown thing says: libraries, and JavaScript itself, may throw anything. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
