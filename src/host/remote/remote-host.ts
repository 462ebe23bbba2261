/** A Host at the other end of a byte stream, where serveHost() answers. */

import { Duplex, PassThrough, Readable } from 'node:stream';
import type { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';

import { KnestError } from '../../errors.ts';
import { codeOf } from '../error-codes.ts';
import type { ProcessIdentity } from '../process.ts';
import type {
  FileInfo,
  Host,
  HostProcess,
  RunOptions,
  RunResult,
  SpawnOptions,
  TreeEntry,
} from '../types.ts';
import { encodeFrame, frameReader, openStreams } from './wire.ts';
import type { Header } from './wire.ts';
import { decodeError, encodeError } from './wire-errors.ts';
import type { WireError } from './wire-errors.ts';

export interface Connection {
  /** The host's, for messages. */
  name: string;
  /** What the other end sends. */
  input: Readable;
  /** What it is sent. */
  output: Writable;
  /** Told when something is under way, and when nothing is any more: an idle connection keeps no process alive. */
  onBusy?: (busy: boolean) => void;
  /** Ends the connection; resolves when the other end has gone. */
  close: () => Promise<void>;
}

interface Answer {
  value: unknown;
  payload: Buffer;
}

interface Call {
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
  onLine?: ((line: string) => void) | undefined;
}

interface CallOptions {
  payload?: Uint8Array;
  /** Numbers of its streams. */
  streams?: readonly number[];
  signal?: AbortSignal | undefined;
  onLine?: ((line: string) => void) | undefined;
}

/** Calls and streams over one connection. */
interface Line {
  call: (method: string, args: readonly unknown[], options?: CallOptions) => Promise<Answer & { id: number }>;
  signal: (id: number, name: NodeJS.Signals) => void;
  /** Exit code of the program that was started by this call. */
  exitOf: (id: number) => Promise<number>;
  /** A stream of the host, and its number for a call. */
  readable: () => [number, Readable];
  writable: () => [number, Writable];
}

/**
 * The host behind a connection. When the connection breaks, every call under way and every later one fails.
 */
export function remoteHost(connection: Connection): Host {
  const line = openLine(connection);
  const value = async <T>(method: string, ...args: unknown[]): Promise<T> =>
    (await line.call(method, args)).value as T;
  const nothing = async (method: string, args: readonly unknown[], payload?: Uint8Array): Promise<void> => {
    await line.call(method, args, payload === undefined ? {} : { payload });
  };
  const readBytes = async (path: string): Promise<Buffer | undefined> => {
    const { value: found, payload } = await line.call('readBytes', [path]);
    return found === true ? payload : undefined;
  };
  return {
    name: connection.name,
    identity: () => value<ProcessIdentity>('identity'),
    run: (argv, options) => run(line, argv, options),
    spawn: (argv, options) => spawn(line, argv, options),
    connect: (address, port, { timeout, signal } = {}) => connect(line, [address, port, { timeout }], signal),
    readFile: async (path) => (await readBytes(path))?.toString('utf8'),
    readBytes,
    readStream: (path, range) => {
      const [id, stream] = line.readable();
      line.call('readStream', [path, range], { streams: [id] }).catch((error: unknown) => {
        stream.destroy(error as Error);
      });
      return stream;
    },
    writeFile: (path, content, mode, options) =>
      nothing('writeFile', [path, mode, options], Buffer.from(content)),
    writeStream: async (path, content, mode, options) => {
      const [id, stream] = line.writable();
      const sent = pipeline(content, stream);
      const done = line.call('writeStream', [path, mode, options], { streams: [id] });
      const [source, answer] = await Promise.allSettled([sent, done]);
      if (source.status === 'rejected' && codeOf(source.reason) !== 'ERR_STREAM_PREMATURE_CLOSE') {
        throw source.reason;
      }
      // the other end has closed the stream, and says why
      if (answer.status === 'rejected') throw answer.reason;
      return answer.value.value as number;
    },
    put: (entries) => {
      const [described, payload] = packEntries(entries);
      return nothing('put', [described], payload);
    },
    stat: async (path, options) => (await value<FileInfo | null>('stat', path, options)) ?? undefined,
    list: (path) => value<string[]>('list', path),
    makeDirectory: (path, mode) => nothing('makeDirectory', [path, mode]),
    remove: (path) => nothing('remove', [path]),
    rename: (from, to) => nothing('rename', [from, to]),
    copy: (from, to) => nothing('copy', [from, to]),
    link: (target, path) => nothing('link', [target, path]),
    linkExclusively: (target, path) => value<boolean>('linkExclusively', target, path),
    readLink: async (path) => (await value<string | null>('readLink', path)) ?? undefined,
    close: connection.close,
  };
}

/** The contents of files travel as bytes behind the entries. */
function packEntries(entries: readonly TreeEntry[]): [unknown[], Buffer] {
  const contents: Buffer[] = [];
  const described = entries.map((entry) => {
    if (!('content' in entry)) return entry;
    const bytes = Buffer.from(entry.content);
    contents.push(bytes);
    return { path: entry.path, mode: entry.mode, length: bytes.length };
  });
  return [described, Buffer.concat(contents)];
}

async function run(line: Line, argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { input, signal, onLine, ...others } = options;
  const common = { signal, onLine };
  if (!(input instanceof Readable)) {
    const payload = Buffer.from(input ?? '');
    return (await line.call('run', [argv, others, onLine !== undefined], { ...common, payload }))
      .value as RunResult;
  }
  const [id, stdin] = line.writable();
  // a program that ends without having read all of it is no failure
  pipeline(input, stdin).catch(() => undefined);
  return (await line.call('run', [argv, others, onLine !== undefined], { ...common, streams: [id] }))
    .value as RunResult;
}

async function spawn(
  line: Line,
  argv: readonly string[],
  { signal, stdio = 'pipe', ...others }: SpawnOptions = {},
): Promise<HostProcess> {
  const [stdinId, stdin] = line.writable();
  const [stdoutId, stdout] = line.readable();
  const [stderrId, stderr] = line.readable();
  stdin.on('error', () => undefined);
  const streams = [stdinId, stdoutId, stderrId];
  const { id, value } = await line
    .call('spawn', [argv, others], { streams, signal })
    .catch((error: unknown) => {
      for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined).destroy();
      throw error;
    });
  const kill = (name: NodeJS.Signals): void => {
    line.signal(id, name);
  };
  const onAbort = (): void => {
    kill('SIGTERM');
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  const delivered = [stdout, stderr].map((stream) => finished(stream).catch(() => undefined));
  const exited = line.exitOf(id).then(async (code) => {
    signal?.removeEventListener('abort', onAbort);
    await Promise.all(delivered);
    return code;
  });
  // nobody has to wait for it
  exited.catch(() => undefined);
  const { pid } = value as { pid: number };
  const program = { pid, stdin, stdout, stderr, exited, kill };
  if (stdio === 'pipe') return program;
  carryTerminal(program);
  return { ...program, stdin: new PassThrough().end(), stdout: Readable.from([]), stderr: Readable.from([]) };
}

/** The terminal stays here: the program has its bytes, but no terminal of its own. */
function carryTerminal({ stdin, stdout, stderr, exited }: HostProcess): void {
  process.stdin.pipe(stdin);
  stdout.pipe(process.stdout, { end: false });
  stderr.pipe(process.stderr, { end: false });
  const stop = (): void => {
    process.stdin.unpipe(stdin);
    process.stdin.pause();
  };
  exited.then(stop, stop);
}

async function connect(
  line: Line,
  args: readonly unknown[],
  signal: AbortSignal | undefined,
): Promise<Duplex> {
  const [readId, readable] = line.readable();
  const [writeId, writable] = line.writable();
  try {
    await line.call('connect', args, { streams: [readId, writeId], signal });
  } catch (error) {
    for (const stream of [readable, writable]) stream.on('error', () => undefined).destroy();
    throw error;
  }
  return Duplex.from({ readable, writable });
}

function openLine(connection: Connection): Line {
  const calls = new Map<number, Call>();
  const exits = new Map<number, Call>();
  let lastId = 0;
  let broken: KnestError | undefined;
  let busy = 0;
  const hold = (): (() => void) => {
    if ((busy += 1) === 1) connection.onBusy?.(true);
    let held = true;
    return () => {
      if (held && (busy -= 1) === 0) connection.onBusy?.(false);
      held = false;
    };
  };
  const send = (header: Header, payload?: Uint8Array): void => {
    if (broken === undefined) connection.output.write(encodeFrame(header, payload));
  };
  const toError = (error: unknown): Error => decodeError(error as WireError, connection.name);
  const streams = openStreams({ send, encodeError, decodeError: toError });
  const fail = (cause?: unknown): void => {
    if (broken) return;
    broken = new KnestError(`the connection to ${connection.name} has ended`, {
      code: 'CONNECTION_FAILED',
      hint: 'run the same command again: knest goes on where it was',
      ...(cause === undefined ? {} : { cause }),
    });
    for (const { reject } of [...calls.values(), ...exits.values()]) reject(broken);
    streams.fail(broken);
  };
  const settle = ({ type, id, ...fields }: Header, payload: Buffer): void => {
    const call = calls.get(id);
    if (type === 'line') call?.onLine?.(String(fields['line']));
    else if (type === 'result') call?.resolve({ value: fields['value'], payload });
    else if (type === 'error') call?.reject(toError(fields['error']));
    else if (type === 'exit') exits.get(id)?.resolve({ value: fields['code'], payload });
  };
  const read = frameReader((header, payload) => {
    if (!streams.receive(header, payload)) settle(header, payload);
  });
  connection.input.on('data', read);
  connection.input.on('close', fail);
  connection.input.on('end', fail);
  connection.input.on('error', fail);
  connection.output.on('error', fail);
  const wait = async (table: Map<number, Call>, id: number, onLine?: Call['onLine']): Promise<Answer> => {
    if (broken) throw broken;
    const release = hold();
    try {
      return await new Promise<Answer>((resolve, reject) => table.set(id, { resolve, reject, onLine }));
    } finally {
      table.delete(id);
      release();
    }
  };
  return {
    call: async (method, args, { payload, streams: numbers = [], signal, onLine } = {}) => {
      signal?.throwIfAborted();
      const id = (lastId += 1);
      const answer = wait(calls, id, onLine);
      if (method === 'spawn') wait(exits, id).catch(() => undefined);
      const onAbort = (): void => {
        send({ type: 'abort', id });
        calls.get(id)?.reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      send({ type: 'call', id, method, args, streams: numbers }, payload);
      try {
        return { ...(await answer), id };
      } catch (error) {
        exits.get(id)?.reject(error);
        throw error;
      } finally {
        signal?.removeEventListener('abort', onAbort);
      }
    },
    signal: (id, name) => {
      send({ type: 'signal', id, name });
    },
    exitOf: (id) => exitOf(exits, id),
    readable: () => {
      const id = (lastId += 1);
      return [id, heldWhileOpen(streams.readable(id), hold)];
    },
    writable: () => {
      const id = (lastId += 1);
      return [id, heldWhileOpen(streams.writable(id), hold)];
    },
  };
}

/** The waiting began with the call, so that no exit is missed: here somebody joins it. */
function exitOf(exits: Map<number, Call>, id: number): Promise<number> {
  const waiting = exits.get(id);
  return new Promise((resolve, reject) => {
    if (!waiting) {
      reject(new KnestError('the program has ended with the connection', { code: 'CONNECTION_FAILED' }));
      return;
    }
    exits.set(id, {
      resolve: (answer) => {
        waiting.resolve(answer);
        resolve(Number(answer.value));
      },
      reject: (error) => {
        waiting.reject(error);
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- handed on
        reject(error);
      },
    });
  });
}

function heldWhileOpen<S extends Readable | Writable>(stream: S, hold: () => () => void): S {
  stream.once('close', hold());
  return stream;
}
