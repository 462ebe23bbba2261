/**
 * Whether the agents of nodes answer: one small datagram a second. Kubernetes itself finds a dead node after forty
 * seconds, and writing a Lease every second would cost the API server more.
 */

import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

import { bindPatiently } from '../bind.ts';
import { log, reasonOf } from '../log.ts';

const question = Buffer.from('knest?');
const answer = Buffer.from('knest!');

/** Milliseconds between two questions, and how many in a row may stay without an answer. */
const usual = { interval: 1000, patience: 3 };

/** Answers on this node. Waits for an address that the machine does not have yet. */
export function answerPulse(address: string, port: number): Promise<Socket> {
  return bindPatiently(async () => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(port, address, () => {
          socket.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.on('message', (message, from) => {
      // as long as the question: nobody can make it say more than was said to it
      if (message.equals(question)) socket.send(answer, from.port, from.address);
    });
    socket.on('error', log.bug);
    return socket;
  });
}

export interface Pulse {
  /** Whom to ask from now on, by address. */
  watch(addresses: Iterable<string>): void;
  /** Whoever was not asked yet is believed to be alive. */
  isAlive(address: string): boolean;
  close(): void;
}

/**
 * Asks others.
 * @param onChange somebody has died, or is back
 */
export function takePulse(
  port: number,
  onChange: (address: string, alive: boolean) => void,
  { interval, patience }: typeof usual = usual,
): Pulse {
  // Questions are counted, not seconds: when this process itself stood still nobody else is to blame.
  const unanswered = new Map<string, number>();
  const heard = ({ address }: { address: string }): void => {
    const before = unanswered.get(address);
    if (before === undefined) return;
    unanswered.set(address, 0);
    if (before > patience) onChange(address, true);
  };
  const sockets = { 4: openSocket('udp4'), 6: openSocket('udp6') };
  const ask = (address: string): void => {
    const count = (unanswered.get(address) ?? 0) + 1;
    unanswered.set(address, count);
    if (count === patience + 1) onChange(address, false);
    // nobody there is an answer as well
    sockets[isIPv6(address) ? 6 : 4].send(question, port, address, () => undefined);
  };
  const timer = setInterval(() => {
    for (const address of unanswered.keys()) ask(address);
  }, interval);

  return {
    watch: (addresses) => {
      const wanted = new Set(addresses);
      for (const address of unanswered.keys()) if (!wanted.has(address)) unanswered.delete(address);
      for (const address of wanted) if (!unanswered.has(address)) ask(address);
    },
    isAlive: (address) => (unanswered.get(address) ?? 0) <= patience,
    close: () => {
      clearInterval(timer);
      sockets[4].close();
      sockets[6].close();
    },
  };

  function openSocket(type: 'udp4' | 'udp6'): Socket {
    const socket = createSocket({ type, ...(type === 'udp6' ? { ipv6Only: true } : {}) });
    socket.on('message', (message, from) => {
      if (message.equals(answer)) heard(from);
    });
    // an ICMP "port unreachable" comes as an error; silence says the same
    socket.on('error', (error) => {
      log.warning(`asking other agents: ${reasonOf(error)}`);
    });
    return socket;
  }
}
