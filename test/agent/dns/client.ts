/** Asks a server as a stub resolver does. */

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

import * as dnsPacket from 'dns-packet';
import type { DecodedPacket, OptAnswer, RecordType } from 'dns-packet';

export interface Ask {
  /** Payload size; without it there is no EDNS. */
  edns?: number;
  tcp?: boolean;
  version?: number;
  /** Default: loopback. */
  server?: string;
  /** Milliseconds. */
  timeout?: number;
}

export type Reply = DecodedPacket & { rcode: string; length: number };

export async function ask(port: number, name: string, type = 'A', options: Ask = {}): Promise<Reply> {
  const opt = {
    ...{ type: 'OPT', name: '.', udpPayloadSize: options.edns, ednsVersion: options.version ?? 0 },
    ...{ extendedRcode: 0, flags: 0, flag_do: false, options: [] },
  } as OptAnswer;
  const query = dnsPacket.encode({
    ...{ type: 'query', id: Math.floor(Math.random() * 65_536), flags: dnsPacket.RECURSION_DESIRED },
    questions: [{ name, type: type as RecordType }],
    ...(options.edns === undefined ? {} : { additionals: [opt] }),
  });
  const answer = await askRaw(port, query, options.tcp === true, options);
  const decoded = dnsPacket.decode(answer) as Reply;
  if (decoded.id !== query.readUInt16BE(0)) throw new Error('an answer to another question');
  return Object.assign(decoded, { length: answer.length });
}

export function askRaw(
  port: number,
  query: Buffer,
  tcp = false,
  { server = '127.0.0.1', timeout = 4000 }: Pick<Ask, 'server' | 'timeout'> = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (!tcp) {
      const socket = createSocket('udp4');
      const timer = setTimeout(() => {
        socket.close();
        reject(new Error('no answer'));
      }, timeout);
      socket.on('message', (message) => {
        clearTimeout(timer);
        socket.close();
        resolve(message);
      });
      socket.send(query, port, server);
      return;
    }
    const socket = connect(port, server);
    let received = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('data', (data: Buffer) => {
      received = Buffer.concat([received, data]);
      if (received.length < 2 || received.length < received.readUInt16BE(0) + 2) return;
      socket.destroy();
      resolve(received.subarray(2));
    });
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16BE(query.length);
    // byte by byte at first: a server must put messages together
    socket.write(prefix.subarray(0, 1));
    socket.write(Buffer.concat([prefix.subarray(1), query]));
  });
}

export function dataOf(reply: Reply): unknown[] {
  return (reply.answers ?? []).map((record) => ('data' in record ? record.data : undefined));
}
