import type { Listener } from '../events.ts';
import { localHost } from '../host/local.ts';
import type { Host } from '../host/types.ts';
import type { Paths } from '../plan/types.ts';
import { pathsFromEnvironment } from '../workstation/paths.ts';
import type { Context } from './types.ts';

/** A call's context with its defaults filled in. */
export interface Session {
  host: Host;
  paths: Paths;
  listener: Listener;
  signal: AbortSignal;
}

export function openSession(context: Context): Session {
  return {
    host: context.host ?? localHost(),
    paths: context.paths ?? pathsFromEnvironment(process.env),
    listener: context.listener ?? (() => undefined),
    signal: context.signal ?? new AbortController().signal,
  };
}
