#!/usr/bin/env node
import { existsSync } from 'node:fs';
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
if (existsSync(cache)) enableCompileCache?.(join(cache, 'compiled'));

await leave(await run(process.argv.slice(2), terminal, () => import('../api/commands.ts')));
