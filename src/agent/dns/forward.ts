import { exchange } from './exchange.ts';
import type { Server } from './exchange.ts';
import { below } from './names.ts';
import { parseResponse } from './raw-response.ts';
import type { RawResponse } from './raw-response.ts';
import type { Query } from './wire.ts';
import { rcodes } from './wire.ts';

/** Asks other servers for what is not the cluster's, and remembers what they said. */
export interface Forwarder {
  /** @returns undefined when no server gave a usable answer */
  ask(query: Query): Promise<Remembered | undefined>;
  /** What is remembered and still holds. */
  remembered(query: Query): Remembered | undefined;
  /** Replaces the servers for everything without a stub domain. */
  setServers(servers: readonly Server[]): void;
  readonly counts: ForwardCounts;
}

export interface Remembered {
  response: RawResponse;
  /** Seconds since it was given. */
  age: number;
  /** Milliseconds that it still holds. */
  left: number;
}

export interface ForwardCounts {
  asked: number;
  failed: number;
  hits: number;
  misses: number;
  entries: number;
  refused: number;
}

export interface ForwardSettings {
  servers: readonly Server[];
  /** Servers for a domain and all below it; the longest one counts. */
  stubDomains: Readonly<Record<string, readonly Server[]>>;
  /** Answers remembered. */
  cacheSize: number;
  /** Seconds that an answer is remembered at most, and one that there is nothing. */
  longest: number;
  longestNegative: number;
  /** Questions waiting for other servers at the same time. */
  concurrency: number;
  /** Milliseconds a server is given, try by try. */
  patience: readonly number[];
}

export const forwardDefaults = {
  cacheSize: 10_000,
  // as CoreDNS has it in a Kubernetes cluster
  longest: 30,
  longestNegative: 30,
  concurrency: 1000,
  // clients give up after five seconds (resolv.conf(5))
  patience: [1000, 1500, 2000],
} as const;

/** Milliseconds that a server which did not answer is asked last. */
const grudge = 10_000;

export function forwarder(settings: ForwardSettings, now: () => number = Date.now): Forwarder {
  const cache = new Map<string, { response: RawResponse; since: number; until: number }>();
  const waiting = new Map<string, Promise<Remembered | undefined>>();
  const blamed = new Map<string, number>();
  let servers = settings.servers;
  const counts = { asked: 0, failed: 0, hits: 0, misses: 0, refused: 0 };

  const serversFor = (name: string): readonly Server[] => {
    const domain = Object.keys(settings.stubDomains)
      .filter((one) => below(name, one) !== undefined)
      .sort((a, b) => b.length - a.length)[0];
    return (domain === undefined ? undefined : settings.stubDomains[domain]) ?? servers;
  };

  const askServers = async (query: Query): Promise<RawResponse | undefined> => {
    const known = serversFor(query.name);
    const isBlamed = ({ address, port }: Server): boolean => (blamed.get(`${address}:${port}`) ?? 0) > now();
    const order = [...known.filter((server) => !isBlamed(server)), ...known.filter(isBlamed)];
    // when no server has answered lately, try only once: every name would take as long as clients wait
    const tries = known.every(isBlamed) ? settings.patience.slice(0, 1) : settings.patience;
    let last: RawResponse | undefined;
    for (const [attempt, timeout] of tries.entries()) {
      // a single server is asked again, as the question may have got lost; a refusal is final
      const server = order[attempt % order.length];
      if (!server || (last && attempt >= order.length)) break;
      counts.asked += 1;
      try {
        const response = parseResponse(await exchange(server, query, timeout));
        if (response?.rcode === rcodes.NOERROR || response?.rcode === rcodes.NXDOMAIN) {
          blamed.delete(`${server.address}:${server.port}`);
          return response;
        }
        last = response ?? last;
      } catch {
        blamed.set(`${server.address}:${server.port}`, now() + grudge);
      }
      counts.failed += 1;
    }
    return last;
  };

  const remember = (key: string, response: RawResponse): void => {
    const negative =
      response.rcode !== rcodes.NOERROR || response.records.every(({ section }) => section > 0);
    const seconds = Math.min(response.ttl, negative ? settings.longestNegative : settings.longest);
    if (seconds <= 0 || response.truncated) return;
    cache.delete(key);
    cache.set(key, { response, since: now(), until: now() + seconds * 1000 });
    // remove the oldest: a Map keeps the order of insertion
    for (const oldest of cache.keys()) {
      if (cache.size <= settings.cacheSize) break;
      cache.delete(oldest);
    }
  };

  const remembered = (query: Query): Remembered | undefined => {
    const key = keyOf(query);
    const entry = cache.get(key);
    if (!entry) return undefined;
    if (entry.until <= now()) {
      cache.delete(key);
      return undefined;
    }
    return { response: entry.response, age: (now() - entry.since) / 1000, left: entry.until - now() };
  };

  return {
    remembered,
    ask: async (query) => {
      const known = remembered(query);
      counts[known ? 'hits' : 'misses'] += 1;
      if (known) return known;
      const key = keyOf(query);
      const same = waiting.get(key);
      if (same) return same;
      if (waiting.size >= settings.concurrency) {
        counts.refused += 1;
        return undefined;
      }
      const asked = askServers(query).then((response) => {
        if (response) remember(key, response);
        return response && { response, age: 0, left: 0 };
      });
      waiting.set(key, asked);
      try {
        return await asked;
      } finally {
        waiting.delete(key);
      }
    },
    setServers: (changed) => {
      servers = changed;
      blamed.clear();
    },
    get counts() {
      return { ...counts, entries: cache.size };
    },
  };
}

/** The question without regard to case, and what changes the answer besides. */
function keyOf(query: Query): string {
  const dnssec = query.edns?.dnssec === true ? 1 : 0;
  return `${dnssec}${(query.flags[1] >> 4) & 1}${query.question.toString('latin1').toLowerCase()}`;
}
