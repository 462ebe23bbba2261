/** A client that asks a name server all the time and keeps account of what it was told. */

import { ask, dataOf } from '../../agent/dns/client.ts';

export interface Told {
  /** Milliseconds since 1970, when the question was sent. */
  asked: number;
  name: string;
  /** The addresses in order, a code like NXDOMAIN where there are none, or "no answer". */
  answer: string;
}

export interface Asker {
  readonly told: readonly Told[];
  /** What was told of questions sent from then on. */
  since: (time: number) => Told[];
  stop: () => Promise<void>;
}

/** Milliseconds. What is not answered by then is lost: nobody asks again, as a resolver would. */
const timeout = 2000;

/** @param names asked one after the other, from several sockets at once */
export function startAsking(server: string, names: readonly string[]): Asker {
  const told: Told[] = [];
  let going = true;
  const loop = async (first: number): Promise<void> => {
    for (let turn = first; going; turn += 1) {
      const name = names[turn % names.length] ?? '';
      const asked = Date.now();
      told.push({ asked, name, answer: await addressesOf(server, name) });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const loops = names.map((_, index) => loop(index));
  return {
    told,
    since: (time) => told.filter(({ asked }) => asked >= time),
    stop: async () => {
      going = false;
      await Promise.all(loops);
    },
  };
}

async function addressesOf(server: string, name: string): Promise<string> {
  try {
    const reply = await ask(53, name, 'A', { server, timeout });
    return dataOf(reply).map(String).sort().join(' ') || reply.rcode;
  } catch {
    return 'no answer';
  }
}
