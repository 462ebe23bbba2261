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
      // the answer is no longer than the question, so it is of no use for amplifying an attack
      if (message.equals(question)) socket.send(answer, from.port, from.address);
    });
    socket.on('error', log.bug);
    return socket;
  });
}

export interface Pulse {
  /** The addresses to ask from now on. */
  watch(addresses: Iterable<string>): void;
  /** An address that was not asked yet counts as alive. */
  isAlive: (address: string) => boolean;
  close(): void;
}

/**
 * Asks the agents of other nodes.
 * @param onChange called when one has stopped answering, or answers again
 */
export function takePulse(
  port: number,
  onChange: (address: string, alive: boolean) => void,
  { interval, patience }: typeof usual = usual,
): Pulse {
  // Counts questions and not seconds: if this process itself was held up, the others must not seem dead.
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
    // a failure to send is silence, too: it is counted already
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
