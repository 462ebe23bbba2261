/** Answers the calls of a remoteHost() on the host itself. */

import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { Host, HostProcess, RunOptions, SpawnOptions, TreeEntry } from '../types.ts';
import { encodeFrame, frameReader, openStreams } from './wire.ts';
import type { Header, Streams } from './wire.ts';
import { decodeError, encodeError } from './wire-errors.ts';
import type { WireError } from './wire-errors.ts';

interface Request {
  id: number;
  args: readonly unknown[];
  payload: Buffer;
  /** The streams that the caller has opened for it, by number. */
  numbers: readonly number[];
  signal: AbortSignal;
  send: (header: Header, payload?: Uint8Array) => void;
  streams: Streams;
  host: Host;
  processes: Map<number, HostProcess>;
}

interface Result {
  value?: unknown;
  payload?: Uint8Array;
}

/**
 * Serves a host over a byte stream until that ends. Then everything that was started for it is ended.
 * @returns resolves when the stream has ended and the programs have been told to end
 */
export function serveHost(host: Host, input: Readable, output: Writable): Promise<void> {
  const running = new Map<number, AbortController>();
  const processes = new Map<number, HostProcess>();
  const send = (header: Header, payload?: Uint8Array): void => {
    output.write(encodeFrame(header, payload));
  };
  const opened = openStreams({
    send,
    encodeError,
    decodeError: (error) => decodeError(error as WireError, host.name),
  });
  // the other end hears of what breaks; here nobody has to
  const streams: Streams = {
    ...opened,
    readable: (id) => opened.readable(id).on('error', () => undefined),
    writable: (id) => opened.writable(id).on('error', () => undefined),
  };
  const answer = async (header: Header, payload: Buffer): Promise<void> => {
    const { id } = header;
    const controller = new AbortController();
    running.set(id, controller);
    const {
      method,
      args,
      streams: numbers,
    } = header as unknown as {
      method: keyof typeof methods;
      args: unknown[];
      streams: number[];
    };
    const { signal } = controller;
    const request = { id, args, payload, numbers, signal, send, streams, host, processes };
    try {
      const { value = null, payload: bytes } = await methods[method](request);
      send({ type: 'result', id, value }, bytes);
    } catch (error) {
      send({ type: 'error', id, error: encodeError(error) });
    } finally {
      running.delete(id);
    }
  };
  const read = frameReader((header, payload) => {
    if (streams.receive(header, payload)) return;
    if (header.type === 'abort') running.get(header.id)?.abort();
    else if (header.type === 'signal') processes.get(header.id)?.kill(header['name'] as NodeJS.Signals);
    else if (header.type === 'call') void answer(header, payload);
  });
  return new Promise((resolve) => {
    const end = (): void => {
      for (const controller of running.values()) controller.abort();
      for (const { kill } of processes.values()) kill('SIGTERM');
      resolve();
    };
    input.on('data', read);
    input.once('close', end);
    input.once('end', end);
    // the reader has gone: so it has at the other side
    output.on('error', end);
  });
}

const methods: Readonly<
  Record<Exclude<keyof Host, 'name' | 'close' | 'readFile'>, (request: Request) => Promise<Result>>
> = {
  identity: async ({ host }) => ({ value: await host.identity() }),
  run,
  spawn,
  connect,
  readBytes: async ({ host, args: [path] }) => {
    const bytes = await host.readBytes(path as string);
    return { value: bytes !== undefined, ...(bytes && { payload: bytes }) };
  },
  readStream: ({ host, args: [path, range], numbers: [to = 0], streams }) => {
    const target = streams.writable(to);
    // its error reaches the reader through the stream
    pipeline(
      host.readStream(path as string, (range ?? undefined) as Parameters<Host['readStream']>[1]),
      target,
    ).catch(() => undefined);
    return Promise.resolve({});
  },
  writeFile: async ({ host, args: [path, mode, options], payload }) => {
    await host.writeFile(path as string, payload, mode as number, optional(options));
    return {};
  },
  writeStream: async ({ host, args: [path, mode, options], numbers: [from = 0], streams }) => {
    const source = streams.readable(from);
    return { value: await host.writeStream(path as string, source, mode as number, optional(options)) };
  },
  put: async ({ host, args: [entries], payload }) => {
    await host.put(unpackEntries(entries as PackedEntry[], payload));
    return {};
  },
  stat: async ({ host, args: [path, options] }) => ({
    value: await host.stat(path as string, optional(options)),
  }),
  list: async ({ host, args: [path] }) => ({ value: await host.list(path as string) }),
  makeDirectory: async ({ host, args: [path, mode] }) => {
    await host.makeDirectory(path as string, mode as number);
    return {};
  },
  remove: async ({ host, args: [path] }) => {
    await host.remove(path as string);
    return {};
  },
  rename: async ({ host, args: [from, to] }) => {
    await host.rename(from as string, to as string);
    return {};
  },
  copy: async ({ host, args: [from, to] }) => {
    await host.copy(from as string, to as string);
    return {};
  },
  link: async ({ host, args: [target, path] }) => {
    await host.link(target as string, path as string);
    return {};
  },
  linkExclusively: async ({ host, args: [target, path] }) => ({
    value: await host.linkExclusively(target as string, path as string),
  }),
  readLink: async ({ host, args: [path] }) => ({ value: await host.readLink(path as string) }),
};

/** JSON has null where JavaScript leaves out. */
function optional(options: unknown): object | undefined {
  return typeof options === 'object' && options !== null ? options : undefined;
}

type PackedEntry = Exclude<TreeEntry, { content: unknown }> | { path: string; mode: number; length: number };

function unpackEntries(entries: readonly PackedEntry[], payload: Buffer): TreeEntry[] {
  let at = 0;
  return entries.map((entry) => {
    if (!('length' in entry)) return entry;
    const { path, mode, length } = entry;
    at += length;
    return { path, mode, content: payload.subarray(at - length, at) };
  });
}

async function run({ host, id, args, payload, numbers, signal, send, streams }: Request): Promise<Result> {
  const [argv, options, wantsLines] = args as [string[], RunOptions, boolean];
  const [from] = numbers;
  const input = from === undefined ? payload : streams.readable(from);
  const onLine = (line: string): void => {
    send({ type: 'line', id, line });
  };
  const value = await host.run(argv, { ...options, input, signal, ...(wantsLines && { onLine }) });
  return { value };
}

async function spawn(request: Request): Promise<Result> {
  const { host, id, args, numbers, signal, send, streams, processes } = request;
  const [argv, options] = args as [string[], SpawnOptions];
  const [stdin = 0, stdout = 0, stderr = 0] = numbers;
  // made first: what the caller sends meanwhile is kept
  const input = streams.readable(stdin);
  signal.throwIfAborted();
  const program = await host.spawn(argv, options).catch((error: unknown) => {
    input.destroy();
    throw error;
  });
  processes.set(id, program);
  const carry = [
    pipeline(program.stdout, streams.writable(stdout)),
    pipeline(program.stderr, streams.writable(stderr)),
    pipeline(input, program.stdin),
  ];
  for (const each of carry) each.catch(() => undefined);
  void program.exited.then((code) => {
    processes.delete(id);
    send({ type: 'exit', id, code });
  });
  return { value: { pid: program.pid } };
}

async function connect({ host, args, numbers, signal, streams }: Request): Promise<Result> {
  const [address, port, options] = args as [string, number, { timeout?: number }];
  const [to = 0, from = 0] = numbers;
  const input = streams.readable(from);
  const socket = await host.connect(address, port, { ...options, signal }).catch((error: unknown) => {
    input.destroy();
    throw error;
  });
  const carry = [pipeline(socket, streams.writable(to)), pipeline(input, socket)];
  for (const each of carry) each.catch(() => undefined);
  return {};
}
