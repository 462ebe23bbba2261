import * as dnsPacket from 'dns-packet';
import type { Answer, RecordType } from 'dns-packet';

import type { Forwarder, Remembered } from './forward.ts';
import type { HostLookup } from './hosts.ts';
import { canonicalName } from './names.ts';
import { encodeRaw } from './raw-response.ts';
import type { ClusterView } from './store.ts';
import type { Query, Rcode, Response } from './wire.ts';
import { emptyResponse, encodeResponse, header, malformedResponse, parseQuery } from './wire.ts';
import { answerFromZone } from './zone.ts';
import type { ZoneSettings } from './zone.ts';

export interface Resolved {
  /** The same answer in several orders: whoever takes the first address gets another one each time. */
  messages: readonly [Buffer, ...Buffer[]];
  /**
   * How long the same octets, but for the id, are the answer to the same question: while nothing changes in the
   * cluster, and no longer than these milliseconds.
   */
  keep: number;
}

/**
 * Answers one message.
 * @param limit how many octets the answer may have
 * @returns undefined for a message that deserves no answer
 */
export type Resolve = (
  message: Buffer,
  limit: (query: Query) => number,
) => Resolved | Promise<Resolved> | undefined;

export interface ResolverParts {
  view: ClusterView;
  zone: ZoneSettings;
  hosts: HostLookup;
  forwarder: Pick<Forwarder, 'ask'>;
  /** Told of what should not have happened; the client is told SERVFAIL. */
  onBug: (error: unknown) => void;
}

/** Extra hosts first, then the cluster's names, then other servers. */
export function resolver(parts: ResolverParts): Resolve {
  return (message, limitOf) => {
    const query = parseQuery(message);
    if (query === undefined) return undefined;
    if (query === 'malformed') return once(malformedResponse(message));
    const limit = limitOf(query);
    const fail = (error: unknown): Resolved => {
      parts.onBug(error);
      return once(encodeResponse(query, { ...emptyResponse, rcode: 'SERVFAIL' }, limit));
    };
    try {
      const resolved = answerQuery(query, limit, parts);
      return resolved instanceof Promise ? resolved.catch(fail) : resolved;
    } catch (error) {
      return fail(error);
    }
  };
}

function answerQuery(query: Query, limit: number, parts: ResolverParts): Resolved | Promise<Resolved> {
  const refused = refuse(query);
  if (refused) return once(encodeResponse(query, { ...emptyResponse, rcode: refused }, limit));
  const own = answerHere(query.name, query.type, parts);
  if (own === undefined) return forward(query, limit, parts);
  return own.follow === undefined ? encodeOrders(query, own, limit) : follow(query, own, limit, parts);
}

function once(message: Buffer): Resolved {
  return { messages: [message], keep: 0 };
}

function refuse({ opcode, edns, class: klass, type }: Query): Rcode | undefined {
  if (opcode !== 0) return 'NOTIMP';
  if ((edns?.version ?? 0) > 0) return 'BADVERS';
  return klass !== 'IN' || type === 'AXFR' || type === 'IXFR' ? 'REFUSED' : undefined;
}

type OwnAnswer = Response & { follow?: string };

function answerHere(name: string, type: string, { view, zone, hosts }: ResolverParts): OwnAnswer | undefined {
  const known = hosts(name, type);
  if (known) return { ...emptyResponse, rcode: 'NOERROR', authoritative: true, answers: known };
  const answer = answerFromZone(name, type, view, zone);
  if (answer && type === 'ANY' && answer.rcode === 'NOERROR') {
    // RFC 8482, 4.2: a question for records of all types (ANY) is answered with one made-up record
    const data = { cpu: 'RFC8482', os: '' };
    return {
      ...{ ...emptyResponse, rcode: 'NOERROR', authoritative: true },
      answers: [{ type: 'HINFO', name, ttl: zone.ttl, data }],
    };
  }
  return answer && { ...answer, authoritative: true };
}

/** More of them are of no use to a client. */
const mostOrders = 8;

function encodeOrders(query: Query, response: Response, limit: number): Resolved {
  const { answers } = response;
  const orders = Math.min(Math.max(answers.length, 1), mostOrders);
  const encode = (turn: number): Buffer =>
    encodeResponse(
      query,
      { ...response, answers: [...answers.slice(turn), ...answers.slice(0, turn)] },
      limit,
    );
  const others = Array.from({ length: orders - 1 }, (_, index) => encode(index + 1));
  return { messages: [encode(0), ...others], keep: response.rcode === 'SERVFAIL' ? 0 : Infinity };
}

function forward(query: Query, limit: number, { forwarder }: ResolverParts): Promise<Resolved> {
  const finish = (found: Remembered | undefined): Resolved => {
    if (!found) return once(encodeResponse(query, { ...emptyResponse, rcode: 'SERVFAIL' }, limit));
    const message = encodeRaw(query, found.response, found.age, limit);
    // TTLs count down by the second
    return { messages: [message], keep: Math.min(1000 - ((found.age * 1000) % 1000), found.left) };
  };
  return forwarder.ask(query).then(finish);
}

/** As long as any chain that is meant; two Services may name each other. */
const longestChain = 8;

/** An alias (ExternalName) with what its target has, so that clients need not ask again. */
async function follow(
  query: Query,
  first: OwnAnswer,
  limit: number,
  parts: ResolverParts,
): Promise<Resolved> {
  const answers: Answer[] = [...first.answers];
  let target = first.follow;
  let rcode: Rcode = first.rcode;
  let authorities: readonly Answer[] = [];
  for (let length = 1; target !== undefined; length += 1) {
    if (length >= longestChain) {
      rcode = 'SERVFAIL';
      break;
    }
    const name = canonicalName(target);
    const own = answerHere(name, query.type, parts);
    const next = own ?? (await askFor(name, query, parts));
    answers.push(...next.answers);
    ({ rcode, authorities } = next);
    target = own?.follow;
  }
  return once(encodeResponse(query, { ...first, rcode, answers, authorities }, limit));
}

async function askFor(name: string, query: Query, { forwarder }: ResolverParts): Promise<OwnAnswer> {
  const questions = [{ name, type: query.type as RecordType }];
  const question = dnsPacket.encode({ type: 'query', questions }).subarray(header.length);
  const found = await forwarder.ask({ ...query, name, question });
  const message = found && readRecords(found.response.message);
  if (!found || !message) return { ...emptyResponse, rcode: 'SERVFAIL' };
  const rcode = found.response.rcode === 0 ? 'NOERROR' : found.response.rcode === 3 ? 'NXDOMAIN' : 'SERVFAIL';
  return { ...emptyResponse, rcode, ...message };
}

function readRecords(message: Buffer): Pick<Response, 'answers' | 'authorities'> | undefined {
  try {
    const { answers = [], authorities = [] } = dnsPacket.decode(message);
    return { answers, authorities };
  } catch {
    return undefined;
  }
}
