/** How knest ends: with all that it has said said, and without a word where nobody listens any more. */

import { exitCodes } from '../errors.ts';
import { renderError } from './output/error.ts';
import { inWords } from './system-errors.ts';

/** What becomes of writing that fails. To be called before anything is written. */
export function watchStandardStreams(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // `knest get nodes | head -1` closes the pipe early: that is no error
    if (error.code === 'EPIPE') process.exit(exitCodes.ok);
    // a full disk behind a redirection
    process.stderr.write(renderError(inWords(error), false), () => process.exit(exitCodes.failed));
  });
  // nobody listens to the story any more: the work goes on
  process.stderr.on('error', () => undefined);
}

/**
 * Ends the process once its output has been taken. A pipe holds 64 KiB: what is beyond that waits for its reader, and
 * process.exit would drop it. Ending by itself it would wait for kept-alive connections, for seconds.
 */
export async function leave(exitCode: number): Promise<void> {
  process.exitCode = exitCode;
  await Promise.all([taken(process.stdout), taken(process.stderr)]);
  // what could not be written is told in an event of its own, which comes before this
  setImmediate(() => process.exit());
}

function taken(stream: NodeJS.WriteStream): Promise<void> {
  // writes are called back in their order, those that fail as well
  return new Promise((resolve) => {
    stream.write('', () => {
      resolve();
    });
  });
}
