#!/usr/bin/env node
import { processTerminal } from './terminal.ts';
import { run } from './run.ts';

// `knest get nodes | head -1` closes the pipe early: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

// Kept-alive connections would hold the process for seconds after its work is done.
process.exit(await run(process.argv.slice(2), processTerminal(), () => import('../api/commands.ts')));
