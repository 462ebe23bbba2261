/** Errors that cross from a host to knest: the same class with the same fields comes out. */

import { CommandError, KnestError } from '../../errors.ts';
import type { CommandFailure, KnestErrorOptions } from '../../errors.ts';

interface WireCommandError {
  class: 'CommandError';
  argv: string[];
  failure: CommandFailure;
  stderr: string;
}

interface WireKnestError {
  class: 'KnestError';
  message: string;
  options: KnestErrorOptions;
}

interface WireSystemError {
  class: 'Error';
  name: string;
  message: string;
  /** Node's own: code, errno, syscall, path, ... */
  fields: Record<string, unknown>;
}

export type WireError = WireCommandError | WireKnestError | WireSystemError;

export function encodeError(error: unknown): WireError {
  if (error instanceof CommandError) {
    return { class: 'CommandError', argv: [...error.argv], failure: error.failure, stderr: error.stderr };
  }
  if (error instanceof KnestError) {
    const { code, hint, details } = error;
    const options = { code, details, ...(hint === undefined ? {} : { hint }) };
    return { class: 'KnestError', message: error.message, options };
  }
  if (!(error instanceof Error)) return { class: 'Error', name: 'Error', message: String(error), fields: {} };
  const fields = Object.fromEntries(
    Object.entries(error).filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value)),
  );
  return { class: 'Error', name: error.name, message: error.message, fields };
}

/** @param host its name, for messages */
export function decodeError(error: WireError, host: string): Error {
  switch (error.class) {
    case 'CommandError':
      return new CommandError(host, error.argv, error.failure, error.stderr);
    case 'KnestError':
      return new KnestError(error.message, error.options);
    case 'Error': {
      const made = Object.assign(new Error(error.message), error.fields);
      Object.defineProperty(made, 'name', { value: error.name, configurable: true });
      return made;
    }
  }
}
