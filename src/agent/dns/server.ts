import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket as UdpSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Server as TcpServer, Socket } from 'node:net';

import { bindPatiently } from '../bind.ts';
import { familyOf } from './names.ts';
import type { Resolve, Resolved } from './resolver.ts';
import { udpLimit } from './wire.ts';

export interface DnsServer {
  /** The port in use: of interest when 0 was asked for. */
  readonly port: number;
  readonly counts: ServerCounts;
  close(): Promise<void>;
}

export interface ServerCounts {
  udp: number;
  tcp: number;
  /** Answered with octets at hand. */
  repeated: number;
  /** By code: 0, 2, 3, ... */
  rcodes: Record<number, number>;
}

export interface ServerOptions {
  addresses: readonly string[];
  port: number;
  resolve: Resolve;
  /** Changes whenever answers about the cluster may. */
  generation: () => number;
  signal?: AbortSignal;
}

/** Answers kept as octets, of some two hundred bytes each. */
const mostKept = 8192;
/** RFC 7766, 6.2.3: an idle connection may be closed after seconds. */
const idleTimeout = 10_000;
const mostConnections = 512;
/** Questions of one connection that wait for other servers; more are not read until one is answered. */
const mostWaiting = 64;

/**
 * Listens by UDP and TCP. Waits for addresses that the machine does not have yet.
 * @throws Error (EADDRINUSE, EACCES) when it cannot
 */
export async function startServer(options: ServerOptions): Promise<DnsServer> {
  const counts: ServerCounts = { udp: 0, tcp: 0, repeated: 0, rcodes: {} };
  const closers: (() => Promise<void>)[] = [];
  let { port } = options;
  for (const address of options.addresses) {
    const udp = await bindPatiently(() => bindUdp(address, port), options.signal);
    port = udp.address().port;
    serveUdp(udp, options, counts);
    const tcp = await bindPatiently(() => bindTcp(address, port), options.signal);
    const connections = serveTcp(tcp, options, counts);
    closers.push(
      () => new Promise((resolve) => udp.close(resolve)),
      () =>
        new Promise((resolve) => {
          tcp.close(() => {
            resolve();
          });
          for (const connection of connections) connection.destroy();
        }),
    );
  }
  return {
    port,
    counts,
    close: async () => {
      await Promise.all(closers.map((close) => close()));
    },
  };
}

function bindUdp(address: string, port: number): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: familyOf(address) === 6 ? 'udp6' : 'udp4',
      // Answers go to an address, never to a name. Node's own lookup would double the cost of an answer.
      lookup: (host, _options, callback) => {
        callback(null, host, familyOf(host));
      },
      recvBufferSize: 4 * 1024 * 1024,
    });
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      // a client that is gone (ECONNREFUSED) must not stop the others
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

interface Kept extends Resolved {
  turn: number;
  until: number;
}

function serveUdp(socket: UdpSocket, { resolve, generation }: ServerOptions, counts: ServerCounts): void {
  const kept = new Map<string, Kept>();
  let keptGeneration = generation();
  const send = (message: Buffer, { port, address }: RemoteInfo): void => {
    count(counts, message);
    socket.send(message, port, address, () => undefined);
  };
  socket.on('message', (message, sender) => {
    counts.udp += 1;
    if (keptGeneration !== generation()) {
      keptGeneration = generation();
      kept.clear();
    }
    // all but the id: the same question, asked in the same way
    const key = message.toString('latin1', 2);
    const known = kept.get(key);
    if (known && known.until > Date.now()) {
      const answer = nextOrder(known);
      answer[0] = message[0] ?? 0;
      answer[1] = message[1] ?? 0;
      counts.repeated += 1;
      send(answer, sender);
      return;
    }
    const asked = generation();
    const answer = (resolved: Resolved): void => {
      if (resolved.keep > 0 && asked === keptGeneration) {
        // remove the oldest: a Map keeps the order of insertion
        for (const oldest of kept.keys()) {
          if (kept.size < mostKept) break;
          kept.delete(oldest);
        }
        kept.set(key, { ...resolved, turn: 0, until: Date.now() + resolved.keep });
      }
      send(resolved.messages[0], sender);
    };
    const resolved = resolve(message, udpLimit);
    if (resolved instanceof Promise) void resolved.then(answer);
    else if (resolved) answer(resolved);
  });
}

function nextOrder(kept: Kept): Buffer {
  kept.turn = (kept.turn + 1) % kept.messages.length;
  // a copy: the previous answer may still be in the send queue
  return Buffer.from(kept.messages[kept.turn] ?? kept.messages[0]);
}

function count(counts: ServerCounts, message: Buffer): void {
  const rcode = message.readUInt8(3) & 15;
  counts.rcodes[rcode] = (counts.rcodes[rcode] ?? 0) + 1;
}

function bindTcp(address: string, port: number): Promise<TcpServer> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true });
    server.maxConnections = mostConnections;
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

function serveTcp(server: TcpServer, { resolve }: ServerOptions, counts: ServerCounts): Set<Socket> {
  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.setTimeout(idleTimeout, () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => connections.delete(socket));
    let received = Buffer.alloc(0);
    let waiting = 0;
    const answer = (resolved: Resolved): void => {
      const [message] = resolved.messages;
      count(counts, message);
      const framed = Buffer.allocUnsafe(message.length + 2);
      framed.writeUInt16BE(message.length);
      message.copy(framed, 2);
      if (socket.writable) socket.write(framed);
    };
    const take = (): void => {
      while (received.length >= 2 && waiting < mostWaiting) {
        const end = received.readUInt16BE(0) + 2;
        if (received.length < end) break;
        const message = received.subarray(2, end);
        received = received.subarray(end);
        counts.tcp += 1;
        const resolved = resolve(message, () => 65_535);
        if (resolved instanceof Promise) {
          waiting += 1;
          void resolved.then((result) => {
            waiting -= 1;
            answer(result);
            take();
          });
        } else if (resolved) answer(resolved);
      }
      if (waiting >= mostWaiting) socket.pause();
      else socket.resume();
    };
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      take();
    });
  });
  return connections;
}
