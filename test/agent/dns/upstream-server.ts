/** A name server of the test's own: by UDP and TCP on one port, of loopback unless an address is given. */

import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

import * as dnsPacket from 'dns-packet';
import type { Answer, Packet } from 'dns-packet';

export interface UpstreamServer {
  port: number;
  /** Names asked for, with the way they came. */
  asked: string[];
  close(): Promise<void>;
}

export type Reply = Partial<Packet> & { rcode?: number; truncateUdp?: boolean };

/** @param reply what to answer; undefined: nothing at all */
export async function upstreamServer(
  reply: (name: string, type: string) => Reply | undefined,
  address = '127.0.0.1',
): Promise<UpstreamServer> {
  const asked: string[] = [];
  const answer = (message: Buffer, by: 'udp' | 'tcp'): Buffer | undefined => {
    const query = dnsPacket.decode(message);
    const question = query.questions?.[0];
    if (!question) return undefined;
    asked.push(`${question.name} ${question.type} ${by}`);
    const found = reply(question.name, question.type);
    if (!found) return undefined;
    const { rcode = 0, truncateUdp = false, ...packet } = found;
    const cut = truncateUdp && by === 'udp';
    return dnsPacket.encode({
      ...{ type: 'response', id: query.id, questions: query.questions },
      flags: dnsPacket.RECURSION_AVAILABLE | (cut ? dnsPacket.TRUNCATED_RESPONSE : 0) | rcode,
      ...(cut ? {} : packet),
    });
  };
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      const message = answer(data.subarray(2), 'tcp');
      if (!message) return;
      const prefix = Buffer.alloc(2);
      prefix.writeUInt16BE(message.length);
      // in two pieces, as a network may deliver it
      socket.write(Buffer.concat([prefix, message.subarray(0, 5)]));
      setImmediate(() => socket.write(message.subarray(5)));
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, address, resolve));
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.on('message', (message, sender) => {
    const response = answer(message, 'udp');
    if (response) udp.send(response, sender.port, sender.address);
  });
  await new Promise<void>((resolve) => udp.bind(port, address, resolve));
  return {
    port,
    asked,
    close: async () => {
      await new Promise<void>((resolve) => udp.close(resolve));
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

export function a(name: string, data: string, ttl = 60): Answer {
  return { type: 'A', name, ttl, data };
}

export function soa(name: string, ttl: number): Answer {
  return { type: 'SOA', name, ttl, data: { mname: `ns.${name}`, rname: `root.${name}`, minimum: ttl } };
}
