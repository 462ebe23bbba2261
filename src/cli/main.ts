#!/usr/bin/env node
import { exitCodes } from '../errors.ts';
import { renderError } from './output/error.ts';
import { inWords } from './system-errors.ts';
import { processTerminal } from './terminal.ts';
import { run } from './run.ts';

// `knest get nodes | head -1` closes the pipe early: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  // a full disk behind a redirection
  process.stderr.write(renderError(inWords(error), false));
  process.exit(exitCodes.failed);
});
// Nobody listens to the story any more: the work goes on.
process.stderr.on('error', () => undefined);

// Kept-alive connections would hold the process for seconds after its work is done.
const exitCode = await run(process.argv.slice(2), processTerminal(), () => import('../api/index.ts'));
// what could not be written is told in an event of its own, which comes before this
setImmediate(() => process.exit(exitCode));
