/** Runs a program on this terminal as if the user had typed it. */

import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { KnestError } from '../errors.ts';

/**
 * Streams are inherited and the environment is added to knest's own.
 * @returns its exit code; 128 + the signal's number when a signal ended it, as shells have it.
 * @throws KnestError when it cannot be started.
 */
export function runInForeground(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<number> {
  const [program = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
    const stop = () => child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    child.on('error', (cause) => {
      signal.removeEventListener('abort', stop);
      reject(new KnestError(`${program} could not be started`, { code: 'COMMAND_FAILED', cause }));
    });
    child.on('exit', (code, signalName) => {
      signal.removeEventListener('abort', stop);
      resolve(code ?? 128 + (signalName === null ? 0 : constants.signals[signalName]));
    });
  });
}
