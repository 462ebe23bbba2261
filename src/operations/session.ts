import type { Listener } from '../events.ts';
import { localHost } from '../host/local.ts';
import { loopbackHost } from '../host/loopback.ts';
import type { Host } from '../host/types.ts';
import type { Paths } from '../plan/types.ts';
import { pathsFromEnvironment } from '../workstation/paths.ts';
import { thisWorkstation } from '../workstation/workstation.ts';
import type { Workstation } from '../workstation/workstation.ts';
import type { Context } from './types.ts';

/** A call's context with its defaults filled in. */
export interface Session {
  host: Host;
  workstation: Workstation;
  paths: Paths;
  listener: Listener;
  signal: AbortSignal;
}

export function openSession(context: Context): Session {
  const workstation = context.workstation ?? thisWorkstation();
  return {
    host: context.host ?? usualHost(workstation),
    workstation,
    paths: context.paths ?? pathsFromEnvironment(workstation.env),
    listener: context.listener ?? (() => undefined),
    signal: context.signal ?? new AbortController().signal,
  };
}

/** One for all sessions of the process; its child ends with the process and keeps none alive. */
let loopback: Host | undefined;

/** This machine; with KNEST_HOST=loopback through a byte stream, which tests that nothing goes past Host. */
function usualHost({ env }: Workstation): Host {
  if (env['KNEST_HOST'] !== 'loopback') return localHost();
  loopback ??= loopbackHost();
  return loopback;
}
