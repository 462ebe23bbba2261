import { Duplex, PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { constants } from 'node:os';

import { CommandError, printableCommand } from '../errors.ts';
import { errorWithCode } from './error-codes.ts';
import { memoryTree } from './memory-files.ts';
import type { StoredFiles } from './memory-files.ts';
import type { Host, HostProcess, RunOptions, RunResult, SpawnOptions, TreeEntry } from './types.ts';

/** What a scripted program answers; a function sees the argv and the input. */
export type ScriptedAnswer =
  Partial<RunResult> | ((argv: readonly string[], input?: string) => Partial<RunResult>);

/** The inside of a program that a test plays. Output that it does not end ends with it. */
export interface ScriptedProgram {
  argv: readonly string[];
  stdin: Readable;
  stdout: PassThrough;
  stderr: PassThrough;
  /** Aborted by the first signal; its reason is the signal's name. */
  signal: AbortSignal;
}

/** A call of the host as `failOn` sees it and `calls` keeps it. */
export interface HostCall {
  method: keyof Host;
  /** The path (of two, the one that is written), the command, or "address port". */
  subject: string;
}

export interface MemoryHostOptions {
  name?: string;
  files?: Readonly<Record<string, string>>;
  /** By the beginning of the command as words joined by spaces; the longest match answers. */
  answers?: Readonly<Record<string, ScriptedAnswer>>;
  /** Programs for `spawn`, found in the same way; they give an exit code. Without one, `answers` is asked. */
  programs?: Readonly<Record<string, (program: ScriptedProgram) => Promise<number>>>;
  /** Who accepts connections, by "address port". Others are refused. */
  listeners?: Readonly<Record<string, (socket: Duplex) => void>>;
  /** Makes calls fail: asked before each one. */
  failOn?: (call: HostCall) => Error | undefined;
}

export interface MemoryHost extends Host {
  readonly files: StoredFiles;
  /** Every command that was run, in order. */
  readonly commands: (readonly string[])[];
  /** Every call, in order. */
  readonly calls: HostCall[];
}

/** The number of the process that knest has on it. */
const ownPid = 4242;

/** A host that only exists in memory: for tests of what talks to a host. Commands that nothing answers fail. */
export function memoryHost(options: MemoryHostOptions = {}): MemoryHost {
  const { name = 'memory' } = options;
  const tree = memoryTree(options.files ?? {});
  const commands: (readonly string[])[] = [];
  const calls: HostCall[] = [];
  const answer = (argv: readonly string[], input?: string): RunResult => {
    const found = longestMatch(options.answers ?? {}, argv);
    if (found === undefined) throw new CommandError(name, argv, 127, 'no answer scripted for this command');
    return {
      exitCode: 0,
      stdout: '',
      stderr: '',
      ...(typeof found === 'function' ? found(argv, input) : found),
    };
  };
  const host: Host = {
    ...tree.host,
    name,
    readFile: async (path) =>
      (await tree.host.readFile(path)) ?? (path === ownStat ? statOfKnest : undefined),
    identity: async () => ({
      pid: ownPid,
      startTime: '1',
      bootId: ((await tree.host.readFile('/proc/sys/kernel/random/boot_id')) ?? '').trim(),
    }),
    run: async (argv, runOptions = {}) => {
      commands.push(argv);
      runOptions.signal?.throwIfAborted();
      const result = answer(argv, await inputOf(runOptions));
      for (const line of result.stdout.split('\n').filter(Boolean)) runOptions.onLine?.(line);
      const ok = runOptions.okExitCodes ?? [0];
      if (ok !== 'any' && !ok.includes(result.exitCode)) {
        throw new CommandError(name, argv, result.exitCode, result.stderr);
      }
      return result;
    },
    spawn: (argv, spawnOptions = {}) => {
      commands.push(argv);
      const program = longestMatch(options.programs ?? {}, argv);
      return new Promise((resolve) => {
        spawnOptions.signal?.throwIfAborted();
        resolve(
          play(
            argv,
            program ??
              ((inside) => {
                const { exitCode, stdout, stderr } = answer(argv);
                inside.stdout.write(stdout);
                inside.stderr.write(stderr);
                return Promise.resolve(exitCode);
              }),
            spawnOptions,
          ),
        );
      });
    },
    connect: (address, port) => {
      const listener = options.listeners?.[`${address} ${port}`];
      if (!listener) {
        return Promise.reject(errorWithCode('ECONNREFUSED', `connect ${address} port ${port}`));
      }
      const [ours, theirs] = connectedPair();
      listener(theirs);
      return Promise.resolve(ours);
    },
    close: () => Promise.resolve(),
  };
  return { ...watched(host, calls, options.failOn), files: tree.files, commands, calls };
}

const ownStat = `/proc/${ownPid}/stat`;
const statOfKnest = `${ownPid} (knest) S ${Array.from({ length: 18 }, () => '0').join(' ')} 1 0\n`;

function longestMatch<T>(table: Readonly<Record<string, T>>, argv: readonly string[]): T | undefined {
  const line = argv.join(' ');
  return Object.entries(table)
    .filter(([start]) => line === start || line.startsWith(`${start} `))
    .sort(([a], [b]) => b.length - a.length)[0]?.[1];
}

async function inputOf({ input }: RunOptions): Promise<string | undefined> {
  if (input === undefined || typeof input === 'string') return input;
  return Buffer.from(input instanceof Readable ? await buffer(input) : input).toString('utf8');
}

let lastPid = 10_000;

function play(
  argv: readonly string[],
  program: (inside: ScriptedProgram) => Promise<number>,
  { signal }: SpawnOptions,
): HostProcess {
  const ending = new AbortController();
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const kill = (name: NodeJS.Signals): void => {
    ending.abort(name);
  };
  const killed = new Promise<number>((resolve) => {
    ending.signal.addEventListener('abort', () => {
      resolve(128 + constants.signals[ending.signal.reason as NodeJS.Signals]);
    });
  });
  signal?.addEventListener('abort', () => {
    kill('SIGTERM');
  });
  const played = program({ argv, stdin, stdout, stderr, signal: ending.signal });
  const exited = Promise.race([played, killed]).finally(() => {
    stdout.end();
    stderr.end();
  });
  return { pid: (lastPid += 1), stdin, stdout, stderr, exited, kill };
}

function connectedPair(): [Duplex, Duplex] {
  const [there, back] = [new PassThrough(), new PassThrough()];
  return [Duplex.from({ readable: back, writable: there }), Duplex.from({ readable: there, writable: back })];
}

/** Keeps every call, and lets a test make it fail. */
function watched(host: Host, calls: HostCall[], failOn: MemoryHostOptions['failOn']): Host {
  const before = (method: keyof Host, subject: string): void => {
    const call = { method, subject };
    calls.push(call);
    const error = failOn?.(call);
    if (error) throw error;
  };
  const on = <M extends keyof Host>(
    method: M,
    subjectOf: (...args: readonly unknown[]) => string,
  ): Host[M] => {
    const call = host[method] as (...args: readonly unknown[]) => Promise<unknown>;
    const watching = async (...args: readonly unknown[]): Promise<unknown> => {
      before(method, subjectOf(...args));
      return call(...args);
    };
    return watching as Host[M];
  };
  const first = (path: unknown): string => String(path);
  const second = (_: unknown, path: unknown): string => String(path);
  const command = (argv: unknown): string => printableCommand(argv as readonly string[]);
  return {
    ...host,
    run: on('run', command),
    spawn: on('spawn', command),
    connect: on('connect', (address, port) => `${String(address)} ${String(port)}`),
    readFile: on('readFile', first),
    readBytes: on('readBytes', first),
    readStream: (path, range) => {
      try {
        before('readStream', path);
      } catch (error) {
        const broken = new PassThrough();
        broken.destroy(error instanceof Error ? error : new Error(String(error)));
        return broken;
      }
      return host.readStream(path, range);
    },
    writeFile: on('writeFile', first),
    writeStream: on('writeStream', first),
    put: on('put', (entries) => (entries as readonly TreeEntry[]).map(({ path }) => path).join(' ')),
    stat: on('stat', first),
    list: on('list', first),
    makeDirectory: on('makeDirectory', first),
    remove: on('remove', first),
    rename: on('rename', second),
    copy: on('copy', second),
    link: on('link', second),
    linkExclusively: on('linkExclusively', second),
    readLink: on('readLink', first),
  };
}
