/** Errors of the library: those of knest, and the one of a program that ended badly. */

import { KnestError, printableCommand, tail } from '../errors.ts';
import type { ErrorCode, ErrorKind } from '../errors.ts';
import type { ExecResult } from './types.ts';

/** A program in a node, or kubectl, that ended with another exit code than 0 or took too long. It is the result as well. */
export class ExecError extends KnestError implements ExecResult {
  override readonly name = 'ExecError';
  /** What happened, in one line; `message` has the end of what the program printed as well. */
  readonly shortMessage: string;
  readonly where: string;
  readonly argv: readonly string[];
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
  readonly timedOut: boolean;

  constructor(result: ExecResult) {
    const { where, argv, exitCode, stdout, stderr, durationMs, timedOut } = result;
    const how = timedOut ? `was ended after ${durationMs} ms` : `exited ${exitCode}`;
    const shortMessage = `${argv[0] ?? 'program'} ${how} in ${where}: ${printableCommand(argv)}`;
    const details = tail(stderr === '' ? stdout : stderr, 10);
    // test runners print the message and no other field
    super([shortMessage, ...details].join('\n'), {
      code: timedOut ? 'COMMAND_TIMEOUT' : 'COMMAND_FAILED',
      details,
    });
    this.shortMessage = shortMessage;
    this.where = where;
    this.argv = argv;
    this.exitCode = exitCode;
    this.stdout = stdout;
    this.stderr = stderr;
    this.durationMs = durationMs;
    this.timedOut = timedOut;
  }
}

/** Whether something thrown is an expected failure of knest; with a kind or a code, whether it is one of these. */
export function isKnestError(error: unknown): error is KnestError;
export function isKnestError<K extends ErrorKind>(error: unknown, kind: K): error is KnestError & { kind: K };
export function isKnestError<C extends ErrorCode>(error: unknown, code: C): error is KnestError & { code: C };
export function isKnestError(error: unknown, which?: ErrorKind | ErrorCode): boolean {
  return error instanceof KnestError && (which === undefined || error.kind === which || error.code === which);
}

/** What a call that was told to stop throws: the reason it was told, and not how its last step noticed. */
export async function orReason<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (signal?.aborted && isAbort(error)) throw signal.reason;
    throw error;
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && ['AbortError', 'TimeoutError'].includes(error.name);
}
