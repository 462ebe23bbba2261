import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { lineSplitter } from '../../host/lines.ts';
import type { HostProcess } from '../../host/types.ts';
import { requireCluster } from '../../state/clusters.ts';
import { clusterKubeconfigPath } from '../admin-kubeconfig.ts';
import { kubectlPath, openManager, requireMachine } from '../find-machines.ts';
import { openSession } from '../session.ts';
import type { Context } from '../types.ts';

export interface ProgramOptions {
  /** Added to the environment that a program has in a node; for kubectl to that of the host. */
  env?: Readonly<Record<string, string>>;
}

export interface CaptureOptions {
  /** Standard input; empty without it. */
  input?: string | Uint8Array | Readable;
  /** Milliseconds after which the program is ended. */
  timeout?: number;
  /** Called for each whole line as it comes. */
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
}

/** How a program ended, and what it printed: texts without the newline at their end. */
export interface ProgramResult {
  /** 128 + n after signal n. */
  exitCode: number;
  stdout: string;
  stderr: string;
  durationMs: number;
  /** It was ended because it took longer than `timeout`. */
  timedOut: boolean;
}

/**
 * Starts a program in a node and hands out its streams.
 * @throws KnestError kind "notFound", or when the node does not run
 */
export async function startInNode(
  options: Context & ProgramOptions & { node: string; argv: readonly string[] },
): Promise<HostProcess> {
  const session = openSession(options);
  const { machine } = await requireMachine(session, options.node);
  const manager = await openManager(session);
  const variables = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const argv = variables.length === 0 ? options.argv : ['env', ...variables, ...options.argv];
  return session.host.spawn(await manager.enterCommand(machine, argv, 'dumb'), {
    signal: session.signal,
  });
}

/** Runs a program in a node to its end and keeps its output. @throws as startInNode; the signal's reason when aborted */
export async function runInNode(
  options: Context & ProgramOptions & CaptureOptions & { node: string; argv: readonly string[] },
): Promise<ProgramResult> {
  return capture((signal) => startInNode({ ...options, signal }), options);
}

/** Runs the cluster's kubectl, on its host. @throws KnestError kind "notFound"; the signal's reason when aborted */
export async function captureKubectl(
  options: Context & ProgramOptions & CaptureOptions & { name: string; argv: readonly string[] },
): Promise<ProgramResult> {
  const { host, paths } = openSession(options);
  const { plan } = await requireCluster(host, paths, options.name);
  const env = { ...options.env, KUBECONFIG: clusterKubeconfigPath(paths, options.name) };
  const start = (signal: AbortSignal): Promise<HostProcess> =>
    host.spawn([kubectlPath(paths, plan), ...options.argv], { env, signal });
  return capture(start, options);
}

async function capture(
  start: (signal: AbortSignal) => Promise<HostProcess>,
  { input = '', timeout, onLine, signal }: CaptureOptions & Pick<Context, 'signal'>,
): Promise<ProgramResult> {
  const started = performance.now();
  const late = new AbortController();
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => {
          late.abort();
        }, timeout);
  const result = (exitCode: number, stdout: string, stderr: string): ProgramResult => {
    signal?.throwIfAborted();
    const durationMs = Math.round(performance.now() - started);
    return { exitCode, stdout, stderr, durationMs, timedOut: late.signal.aborted };
  };
  let child: HostProcess | undefined;
  try {
    child = await start(signal ? AbortSignal.any([signal, late.signal]) : late.signal);
    const [exitCode, stdout, stderr] = await Promise.all([
      child.exited,
      read(child.stdout, (line) => onLine?.(line, 'stdout')),
      read(child.stderr, (line) => onLine?.(line, 'stderr')),
      feed(child, input),
    ]);
    return result(exitCode, stdout, stderr);
  } catch (error) {
    // the time was over before it could be started
    if (!child && late.signal.aborted) return result(128 + constants.signals.SIGTERM, '', '');
    child?.kill('SIGTERM');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** A program need not read its input to the end, or at all. */
async function feed({ stdin }: HostProcess, input: string | Uint8Array | Readable): Promise<void> {
  try {
    if (typeof input === 'string' || input instanceof Uint8Array) await pipeline([input], stdin);
    else await pipeline(input, stdin);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EPIPE' && code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
}

/** The whole text, told line by line as it comes. */
async function read(stream: Readable, onLine: (line: string) => void): Promise<string> {
  const chunks: Uint8Array[] = [];
  const lines = lineSplitter(onLine);
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    lines.push(chunk);
  }
  lines.end();
  return Buffer.concat(chunks).toString().replace(/\n$/, '');
}
