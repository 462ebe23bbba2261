#!/usr/bin/env node
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { join } from 'node:path';

import { leave, watchStandardStreams } from './leave.ts';
import { processTerminal } from './terminal.ts';
import { run } from './run.ts';

const terminal = processTerminal();

watchStandardStreams();

// Stack traces name the sources, not the bundle. Only for --debug: to read the maps takes longer than to start.
if (process.argv.includes('--debug')) process.setSourceMapsEnabled(true);

// What Node compiled is kept for the next start (Node 22.1 and later). Not in Node's own place, a folder in /tmp with a
// known name: anybody may have put code there, and knest runs as root. Where nothing can be written Node goes without.
const { enableCompileCache } = nodeModule as { enableCompileCache?: (directory: string) => unknown };
const cache = terminal.env['KNEST_CACHE_DIR'] || '/var/cache/knest';
if (enableCompileCache && existsSync(cache)) enableCompileCache(onlyRoots(join(cache, 'compiled')));

await leave(await run(process.argv.slice(2), terminal, () => import('../api/commands.ts')));

/** With umask 000 Node would make it a folder where anybody may put code. */
function onlyRoots(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o700);
  } catch {
    // a read-only file system, or not root: Node goes without, or reads what is there
  }
  return folder;
}
