/**
 * Everything that goes wrong for a reason the user can act on. The CLI prints these without a stack trace;
 * anything else that is thrown is a bug in knest.
 */

import { stripVTControlCharacters } from 'node:util';

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

/**
 * What went wrong, in a word that stays the same whatever the message says: for callers that do one thing or another
 * about it. The kind of each says which exit code it is. docs/reference lists them.
 */
export const errorCodes = {
  INVALID_INPUT: { kind: 'usage', meaning: 'Flags, a config file or an argument are wrong: see `problems`.' },
  INVALID_KUBECONFIG: { kind: 'usage', meaning: 'The kubeconfig to write to is none.' },
  LAST_CONTROL_PLANE: { kind: 'usage', meaning: 'The cluster would be left without a control plane.' },
  HOST_UNFIT: { kind: 'preflight', meaning: 'The host lacks a program, a kernel feature or free space.' },
  UPGRADE_REFUSED: { kind: 'preflight', meaning: 'The cluster would not survive that upgrade as it is now.' },
  ROLLBACK_REFUSED: { kind: 'preflight', meaning: 'The cluster cannot go back to that generation.' },
  PERMISSION_DENIED: { kind: 'preflight', meaning: 'The kernel does not let this user do it.' },
  NO_FREE_SUBNET: { kind: 'preflight', meaning: 'All default subnets are in use on the host.' },
  SUBNET_FULL: { kind: 'preflight', meaning: 'A subnet has not enough addresses.' },
  NO_DHCP_SERVER: { kind: 'preflight', meaning: 'No DHCP server gave a node an address.' },
  CLUSTER_NOT_FOUND: { kind: 'notFound', meaning: 'There is no cluster of this name.' },
  NODE_NOT_FOUND: { kind: 'notFound', meaning: 'There is no node of this name, or none of this role.' },
  GENERATION_NOT_FOUND: {
    kind: 'notFound',
    meaning: 'The cluster was not like that before: see its generations.',
  },
  CLUSTER_EXISTS: { kind: 'exists', meaning: 'There is a cluster of this name already.' },
  LOCKED: { kind: 'locked', meaning: 'Another program works on the same cluster or file.' },
  NOT_READY: { kind: 'notReady', meaning: 'A node did not become Ready in time.' },
  TIMED_OUT: { kind: 'failed', meaning: 'Something was tried again and again, and did not work in time.' },
  INTERRUPTED: { kind: 'failed', meaning: 'A signal ended the run.' },
  COMMAND_FAILED: { kind: 'failed', meaning: 'A program failed or could not be run.' },
  COMMAND_TIMEOUT: { kind: 'failed', meaning: 'A program did not end in time.' },
  DOWNLOAD_FAILED: { kind: 'failed', meaning: 'A server does not answer, or does not have what is needed.' },
  CHECKSUM_MISMATCH: { kind: 'failed', meaning: 'A download is not what it should be.' },
  BUNDLE_UNUSABLE: {
    kind: 'failed',
    meaning: 'A file is no bundle that can be used here: damaged, or not signed.',
  },
  BACKUP_UNUSABLE: {
    kind: 'failed',
    meaning: 'A file is no backup that can be used here: damaged, or encrypted to another key.',
  },
  LOCK_MISMATCH: { kind: 'failed', meaning: 'A layer is not what knest.lock says.' },
  BUILD_FAILED: { kind: 'failed', meaning: 'The system of the nodes, or Kubernetes, could not be made.' },
  LAYER_UNUSABLE: { kind: 'failed', meaning: 'The system of the nodes lacks something.' },
  LAYER_IN_USE: { kind: 'failed', meaning: 'Clusters stand on what would be made anew.' },
  ARCHIVE_UNUSABLE: { kind: 'failed', meaning: 'A file is no archive of images that nodes can use.' },
  SOURCE_CHANGED: { kind: 'failed', meaning: 'Files changed while they were read: run it again.' },
  IMAGES_NOT_LOADED: { kind: 'failed', meaning: 'A node does not have the images that it was given.' },
  MANIFESTS_NOT_APPLIED: {
    kind: 'failed',
    meaning: 'The API server did not take all manifests of the config.',
  },
  MACHINE_FAILED: { kind: 'failed', meaning: 'A machine did not start, or does not end.' },
  UNIT_FAILED: { kind: 'failed', meaning: 'A component of a node did not start.' },
  MACHINE_NOT_RUNNING: { kind: 'failed', meaning: 'The machine does not run.' },
  CLUSTER_INCOMPLETE: { kind: 'failed', meaning: 'Creating the cluster has not finished.' },
  QUORUM_LOSS: { kind: 'failed', meaning: 'Fewer members of etcd answer, or would, than it needs.' },
  DRAIN_FAILED: { kind: 'failed', meaning: 'The pods of a node were not all evicted.' },
  ADDRESS_CHANGED: { kind: 'failed', meaning: 'DHCP gave members of etcd other addresses.' },
  REQUEST_REFUSED: { kind: 'failed', meaning: 'The API server or etcd answered, and said no.' },
  LEASE_FAILED: { kind: 'failed', meaning: 'An address could not be asked for on the LAN.' },
  DELETE_FAILED: { kind: 'failed', meaning: 'Some clusters could not be deleted.' },
  RECORD_DAMAGED: {
    kind: 'failed',
    meaning: 'What knest wrote down about a cluster or the host is damaged.',
  },
  RECORD_TOO_NEW: { kind: 'failed', meaning: 'A newer knest wrote it down.' },
  FILE_IN_THE_WAY: { kind: 'failed', meaning: 'A file that is not of knest is where one would go.' },
  FILE_UNUSABLE: { kind: 'failed', meaning: 'A file or folder cannot be read or written.' },
  DISK_FULL: { kind: 'failed', meaning: 'No space, or no file, is left on a file system.' },
  CONNECTION_FAILED: { kind: 'failed', meaning: 'A server or a socket cannot be reached.' },
  RESOURCES_EXHAUSTED: { kind: 'failed', meaning: 'Too many open files or processes, or no memory.' },
  INSTALLATION_INCOMPLETE: { kind: 'failed', meaning: 'A file that comes with knest is missing.' },
} as const satisfies Readonly<Record<string, { kind: ErrorKind; meaning: string }>>;

export type ErrorCode = keyof typeof errorCodes;

export interface KnestErrorOptions {
  code: ErrorCode;
  /** What the user should do next, a whole sentence or a command. */
  hint?: string;
  /** More lines to show below the message: the tail of a journal or of stderr. */
  details?: readonly string[];
  cause?: unknown;
}

/** An expected failure: what happened and where (message), why (cause, details), what to do next (hint). */
export class KnestError extends Error {
  override readonly name: string = 'KnestError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor(message: string, options: KnestErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint;
    this.details = options.details ?? [];
  }

  /** Which exit code it is. */
  get kind(): ErrorKind {
    return errorCodes[this.code].kind;
  }
}

/** Where something is written; lines and columns count from 1, columns in characters (a tab is one). */
export interface FilePlace {
  /** As the user named it. */
  file: string;
  line: number;
  column: number;
}

/** What a problem is about, and where that is written. */
export interface Subject {
  /**
   * Path in the config (`nodes[0].role`) or flag (`--name`). "" where a file cannot be understood so far that there would
   * be a path.
   */
  path: string;
  /** Of the key, of the item of a list, or of what lacks the key. None for flags. */
  place?: FilePlace;
}

/** One thing wrong in what the user gave. */
export interface Problem extends Subject {
  message: string;
  hint?: string;
}

/** Bad input: all of its problems at once. */
export class InputError extends KnestError {
  override readonly name = 'InputError';
  /** What has the problems, for the headline. */
  readonly subject: string;
  readonly problems: readonly Problem[];

  constructor(subject: string, problems: readonly Problem[]) {
    super(`${subject}: ${problems.length} problem${problems.length === 1 ? '' : 's'}`, {
      code: 'INVALID_INPUT',
      details: problems.map(problemInOneLine),
    });
    this.subject = subject;
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

/** "lab.yaml:12:5  nodes[1].role: must be ..."; editors and terminals make a link of the beginning. */
export function problemSentence({ path, place, message }: Problem): string {
  const where = place === undefined ? '' : `${place.file}:${place.line}:${place.column}  `;
  return `${where}${path === '' ? '' : `${path}: `}${message}`;
}

/** The same with the hint in parentheses. */
export function problemInOneLine(problem: Problem): string {
  return `${problemSentence(problem)}${problem.hint === undefined ? '' : ` (${problem.hint})`}`;
}

/** In one sentence: of bad input the first problem. */
export function firstMessage(error: KnestError): string {
  return error instanceof InputError ? (error.problems[0]?.message ?? error.message) : error.message;
}

/** A program that ended with an exit code other than those expected, or did not come to its end by itself. */
export class CommandError extends KnestError {
  override readonly name = 'CommandError';
  readonly argv: readonly string[];
  readonly failure: CommandFailure;
  readonly stderr: string;
  /** The message without the command's arguments. */
  readonly summary: string;

  /** @param failure an exit code, or why there is none */
  constructor(
    host: string,
    argv: readonly string[],
    failure: number | CommandFailure,
    stderr: string,
    cause?: unknown,
  ) {
    const why: CommandFailure = typeof failure === 'number' ? { reason: 'exit', exitCode: failure } : failure;
    const summary = `${argv[0] ?? 'command'} ${inWords(why, host)}`;
    super(`${summary}: ${printableCommand(argv)}`, {
      code: why.reason === 'timeout' ? 'COMMAND_TIMEOUT' : 'COMMAND_FAILED',
      details: tail(stderr, 10),
      ...(cause === undefined ? {} : { cause }),
    });
    this.summary = summary;
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

/** The last lines of a program's output; empty ones and escape sequences (colours of a console) left out. */
export function tail(text: string, lines: number): string[] {
  return stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-lines);
}

/** What a thrown thing says: libraries, and JavaScript itself, may throw anything. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
