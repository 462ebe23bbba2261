import type { Listener } from '../events.ts';
import { InputError } from '../errors.ts';
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
  const wanted = env['KNEST_HOST'] || 'local';
  if (wanted === 'local') return localHost();
  if (wanted !== 'loopback') {
    const message = `"${wanted}" is no kind of host: local or loopback`;
    throw new InputError('environment', [{ path: 'KNEST_HOST', message }]);
  }
  loopback ??= loopbackHost();
  return loopback;
}
