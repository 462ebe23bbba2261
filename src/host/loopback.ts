import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { KnestError } from '../errors.ts';
import { remoteHost } from './remote/remote-host.ts';
import type { Host } from './types.ts';

/**
 * The host that knest runs on, through a child process and two pipes: for tests that nothing in knest is secretly
 * local. The child is started now and ends with knest, or on close().
 */
export function loopbackHost(name = 'localhost'): Host {
  const child = spawn(process.execPath, serverArguments(), {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Ctrl-C is for knest, which tells the child what to end
    detached: true,
  });
  const gone = once(child, 'exit').catch(() => undefined);
  hold(child, false);
  return remoteHost({
    name,
    input: child.stdout,
    output: child.stdin,
    onBusy: (busy) => {
      hold(child, busy);
    },
    close: async () => {
      hold(child, true);
      child.stdin.end();
      await gone;
    },
  });
}

/** Whether Node waits for the child before it ends by itself. */
function hold(child: ChildProcess, busy: boolean): void {
  for (const held of [child, child.stdin as Socket, child.stdout as Socket]) {
    if (busy) held.ref();
    else held.unref();
  }
}

/** Beside this file as tsc or tsx have it; in the bundle, in a folder of its own. */
function serverArguments(): string[] {
  const places = ['./loopback-server.js', './loopback-server.ts', '../host/loopback-server.js'];
  const path = places
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new KnestError('knest is installed without its loopback-server', {
      code: 'INSTALLATION_INCOMPLETE',
      hint: 'install knest again',
    });
  }
  if (!path.endsWith('.ts')) return [path];
  return ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href, path];
}
