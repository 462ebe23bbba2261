/** Messages on the wire (RFC 1035, RFC 6891). dns-packet reads questions and writes records; it compresses no names. */

import * as dnsPacket from 'dns-packet';
import type { Answer } from 'dns-packet';

import { canonicalName } from './names.ts';

declare module 'dns-packet' {
  /** One record's own codec: exported by the library, left out of its types. */
  const answer: { encode(record: Answer): Buffer };
}

export const rcodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;

export type Rcode = keyof typeof rcodes;

/** Positions and bits of a header. */
export const header = {
  length: 12,
  response: 0x80,
  authoritative: 0x04,
  truncated: 0x02,
  desired: 0x01,
} as const;

/** What a UDP answer may be long when the other side says nothing, and what we take and send at most (DNS flag day). */
export const plainSize = 512;
export const largestUdp = 1232;

export interface Query {
  id: number;
  /** Second and third octet of the header. */
  flags: readonly [number, number];
  opcode: number;
  /** Name as it was written, type and class: an answer must repeat it. */
  question: Buffer;
  /** Lower case, without a dot at the end. */
  name: string;
  /** "A", or "UNKNOWN_65" for what the library has no name for. */
  type: string;
  /** "IN" */
  class: string;
  edns: { size: number; version: number; dnssec: boolean } | undefined;
}

/** @returns undefined for what deserves no answer: no header, or an answer; 'malformed' for all else that is no query */
export function parseQuery(message: Buffer): Query | 'malformed' | undefined {
  if (message.length < header.length || (message.readUInt8(2) & header.response) !== 0) return undefined;
  try {
    if (message.readUInt16BE(4) !== 1) return 'malformed';
    const decoded = dnsPacket.decode(message);
    const question = decoded.questions?.[0];
    if (!question) return 'malformed';
    const opt = decoded.additionals?.find((record) => record.type === 'OPT');
    return {
      id: message.readUInt16BE(0),
      flags: [message.readUInt8(2), message.readUInt8(3)],
      opcode: (message.readUInt8(2) >> 3) & 15,
      question: message.subarray(header.length, skipName(message, header.length) + 4),
      name: canonicalName(question.name),
      type: question.type,
      class: question.class ?? 'IN',
      edns: opt && { size: opt.udpPayloadSize, version: opt.ednsVersion, dnssec: opt.flag_do },
    };
  } catch {
    return 'malformed';
  }
}

/** How long an answer by UDP may be. */
export function udpLimit({ edns }: Query): number {
  return Math.min(Math.max(edns?.size ?? plainSize, plainSize), largestUdp);
}

export interface Response {
  rcode: Rcode;
  authoritative: boolean;
  answers: readonly Answer[];
  authorities: readonly Answer[];
  additionals: readonly Answer[];
}

export const emptyResponse = { authoritative: false, answers: [], authorities: [], additionals: [] } as const;

/**
 * An answer in at most `limit` octets. What does not fit is left out; TC says so, unless it was an extra that nobody
 * asked for (RFC 2181, 9).
 */
export function encodeResponse(query: Query, response: Response, limit: number): Buffer {
  const room = limit - (query.edns ? optLength : 0);
  const message = Buffer.alloc(limit);
  query.question.copy(message, header.length);
  const names = namesOfQuestion(query);
  const counts = [0, 0, 0];
  let end = header.length + query.question.length;
  let truncated = false;
  const sections = [response.answers, response.authorities, response.additionals];
  for (const [section, records] of sections.entries()) {
    for (const record of truncated ? [] : records) {
      const length = writeRecord(message, end, room, record, names);
      if (length === undefined) {
        truncated = section < 2;
        break;
      }
      end += length;
      counts[section] = (counts[section] ?? 0) + 1;
    }
  }
  const rcode = rcodes[response.rcode];
  if (query.edns) {
    end += opt(query.edns.dnssec, rcode).copy(message, end);
    counts[2] = (counts[2] ?? 0) + 1;
  }
  message.writeUInt16BE(query.id, 0);
  message[2] =
    header.response |
    (query.opcode << 3) |
    (response.authoritative ? header.authoritative : 0) |
    (truncated ? header.truncated : 0) |
    (query.flags[0] & header.desired);
  message[3] = recursionAvailable | (query.flags[1] & checkingDisabled) | (rcode & 15);
  message.writeUInt16BE(1, 4);
  for (const [section, count] of counts.entries()) message.writeUInt16BE(count, 6 + 2 * section);
  // a copy, so that the whole buffer is not kept in memory
  return Buffer.from(message.subarray(0, end));
}

/** The answer to what could not be read: nothing but the header. */
export function malformedResponse(message: Buffer): Buffer {
  const response = Buffer.alloc(header.length);
  message.copy(response, 0, 0, 3);
  response[2] = (response.readUInt8(2) | header.response) & ~(header.authoritative | header.truncated);
  response[3] = recursionAvailable | rcodes.FORMERR;
  return response;
}

const recursionAvailable = 0x80;
const checkingDisabled = 0x10;

export const optLength = 11;

/** RFC 6891, 6.1.2: root, type 41, size, upper bits of the code, version, DO, no options. */
export function opt(dnssec: boolean, rcode = 0): Buffer {
  return Buffer.from([
    0,
    0,
    41,
    largestUdp >> 8,
    largestUdp & 255,
    rcode >> 4,
    0,
    dnssec ? 0x80 : 0,
    0,
    0,
    0,
  ]);
}

/** Where what follows a name begins. @throws RangeError when the message ends before */
export function skipName(message: Buffer, at: number): number {
  for (let offset = at; ;) {
    const length = message.readUInt8(offset);
    if (length === 0) return offset + 1;
    if (length >= 0xc0) return offset + 2;
    offset += 1 + length;
  }
}

/** @returns undefined when it does not fit */
function writeRecord(
  message: Buffer,
  at: number,
  room: number,
  record: Answer,
  names: Map<string, number>,
): number | undefined {
  // with the root as name, to put a shorter one before it
  const rest = dnsPacket.answer.encode({ ...record, name: '.' }).subarray(1);
  const name = compressName(record.name, at, names);
  if (at + name.length + rest.length > room) return undefined;
  message.set(name, at);
  message.set(rest, at + name.length);
  return name.length + rest.length;
}

/** Where the question's name and each of its ends are: most records have one of them as their name's end. */
function namesOfQuestion({ name, question }: Query): Map<string, number> {
  const names = new Map<string, number>();
  let rest = name;
  for (let at = 0; rest !== '' && (question[at] ?? 0) > 0; at += 1 + (question[at] ?? 0)) {
    names.set(rest, header.length + at);
    rest = rest.slice((question[at] ?? 0) + 1);
  }
  return names;
}

/** RFC 1035, 4.1.4: the end of a name that was written before is a pointer to it. */
function compressName(name: string, at: number, names: Map<string, number>): Buffer {
  const parts: Buffer[] = [];
  let offset = at;
  for (let rest = name; rest !== '';) {
    const known = names.get(rest);
    if (known !== undefined)
      return Buffer.concat([...parts, Buffer.from([0xc0 | (known >> 8), known & 255])]);
    if (offset < 0x3fff) names.set(rest, offset);
    const dot = rest.indexOf('.');
    const label = Buffer.from(dot < 0 ? rest : rest.slice(0, dot));
    parts.push(Buffer.from([label.length]), label);
    offset += 1 + label.length;
    rest = dot < 0 ? '' : rest.slice(dot + 1);
  }
  return Buffer.concat([...parts, Buffer.from([0])]);
}
