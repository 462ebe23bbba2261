/** One question to one other server, by UDP and, when the answer does not fit, by TCP. */

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

import { familyOf } from './names.ts';
import type { Query } from './wire.ts';
import { header, opt } from './wire.ts';

export interface Server {
  address: string;
  port: number;
}

/**
 * @param timeout milliseconds
 * @returns the whole answer, as it came
 * @throws Error when there is none in time
 */
export async function exchange(server: Server, query: Query, timeout: number): Promise<Buffer> {
  const deadline = Date.now() + timeout;
  const message = outgoing(query);
  const answer = await overUdp(server, message, timeout);
  if ((answer.readUInt8(2) & header.truncated) === 0) return answer;
  return overTcp(server, message, Math.max(200, deadline - Date.now()));
}

/** The same question under an id of our own, with recursion wanted, and with our own OPT. */
function outgoing(query: Query): Buffer {
  const head = Buffer.alloc(header.length);
  head.writeUInt16BE(randomInt(65536), 0);
  head[2] = header.desired;
  // authentic data and checking disabled: what the client asked for
  head[3] = query.flags[1] & 0x30;
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(1, 10);
  return Buffer.concat([head, query.question, opt(query.edns?.dnssec ?? false)]);
}

function overUdp({ address, port }: Server, message: Buffer, timeout: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // A socket per question: a forged answer must guess the port as well as the id (RFC 5452).
    const socket = createSocket(familyOf(address) === 6 ? 'udp6' : 'udp4');
    const end = (result: Buffer | Error): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      socket.close();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    const timer = setTimeout(() => {
      end(new Error(`${address} does not answer`));
    }, timeout);
    socket.on('error', end);
    socket.on('message', (answer) => {
      if (answers(answer, message)) end(answer);
    });
    socket.connect(port, address, () => {
      socket.send(message);
    });
  });
}

function overTcp({ address, port }: Server, message: Buffer, timeout: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    let received = Buffer.alloc(0);
    const end = (result: Buffer | Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    const timer = setTimeout(() => {
      end(new Error(`${address} does not answer by TCP`));
    }, timeout);
    socket.on('error', end);
    socket.on('close', () => {
      end(new Error(`${address} closed the connection`));
    });
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const length = received.length < 2 ? Infinity : received.readUInt16BE(0);
      if (received.length < length + 2) return;
      const answer = received.subarray(2, length + 2);
      end(answers(answer, message) ? answer : new Error(`${address} answered another question`));
    });
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16BE(message.length);
    socket.write(Buffer.concat([prefix, message]));
  });
}

/** An answer to this very question: same id, same question. */
function answers(answer: Buffer, message: Buffer): boolean {
  if (answer.length < header.length || (answer.readUInt8(2) & header.response) === 0) return false;
  if (answer.readUInt16BE(0) !== message.readUInt16BE(0)) return false;
  // compared without our OPT; a server that could not read the question may leave the question out
  const question = message.subarray(header.length, -11);
  if (answer.readUInt16BE(4) === 0) return (answer.readUInt8(3) & 15) !== 0;
  const repeated = answer.subarray(header.length, header.length + question.length);
  return repeated.toString('latin1').toLowerCase() === question.toString('latin1').toLowerCase();
}
