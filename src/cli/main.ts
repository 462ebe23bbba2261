#!/usr/bin/env node
import { existsSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { join } from 'node:path';

import { exitCodes } from '../errors.ts';
import { renderError } from './output/error.ts';
import { inWords } from './system-errors.ts';
import { processTerminal } from './terminal.ts';
import { run } from './run.ts';

const terminal = processTerminal();

// `knest get nodes | head -1` closes the pipe early: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  // a full disk behind a redirection
  process.stderr.write(renderError(inWords(error), false));
  process.exit(exitCodes.failed);
});
// Nobody listens to the story any more: the work goes on.
process.stderr.on('error', () => undefined);

// Stack traces name the sources, not the bundle. Only for --debug: to read the maps takes longer than to start.
if (process.argv.includes('--debug')) process.setSourceMapsEnabled(true);

// What Node compiled is kept for the next start (Node 22.1 and later). Not in Node's own place, a folder in /tmp with a
// known name: anybody may have put code there, and knest runs as root. Where nothing can be written Node goes without.
const { enableCompileCache } = nodeModule as { enableCompileCache?: (directory: string) => unknown };
const cache = terminal.env['KNEST_CACHE_DIR'] || '/var/cache/knest';
if (existsSync(cache)) enableCompileCache?.(join(cache, 'compiled'));

// Kept-alive connections would hold the process for seconds after its work is done.
const exitCode = await run(process.argv.slice(2), terminal, () => import('../api/commands.ts'));
// what could not be written is told in an event of its own, which comes before this
setImmediate(() => process.exit(exitCode));
