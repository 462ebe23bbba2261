/**
 * Answers of other servers, passed on as they came: records of unknown types stay whole. Only what belongs to one hop
 * (OPT, ID, TTLs) is changed.
 */

import type { Query } from './wire.ts';
import { header, opt, optLength, skipName } from './wire.ts';

export interface RawResponse {
  /** Without OPT. */
  message: Buffer;
  records: readonly RawRecord[];
  rcode: number;
  truncated: boolean;
  /** Seconds that it may be kept (RFC 2308); 0: not at all. */
  ttl: number;
}

interface RawRecord {
  /** 0 answer, 1 authority, 2 additional */
  section: number;
  ttlAt: number;
  ttl: number;
  end: number;
}

const types = { SOA: 6, OPT: 41 } as const;

/** @returns undefined when it is no answer that can be read */
export function parseResponse(message: Buffer): RawResponse | undefined {
  try {
    if (message.readUInt16BE(4) !== 1) return undefined;
    const records: (RawRecord & { start: number; type: number })[] = [];
    let at = skipName(message, header.length) + 4;
    for (const section of [0, 1, 2]) {
      for (let count = message.readUInt16BE(6 + 2 * section); count > 0; count -= 1) {
        const start = at;
        const typeAt = skipName(message, at);
        const end = typeAt + 10 + message.readUInt16BE(typeAt + 8);
        if (end > message.length) return undefined;
        const type = message.readUInt16BE(typeAt);
        // RFC 2181, 8: one with the highest bit set counts as none
        const ttl = message.readInt32BE(typeAt + 4);
        records.push({ section, start, type, ttlAt: typeAt + 4, ttl: Math.max(0, ttl), end });
        at = end;
      }
    }
    const rcode = message.readUInt8(3) & 15;
    const position = records.findIndex(({ type }) => type === types.OPT);
    // RFC 6891 lets OPT stand anywhere. Without it, pointers to what follows would break: what follows is dropped too.
    const kept = position < 0 ? records : records.slice(0, position);
    const whole = Buffer.from(message.subarray(0, kept.at(-1)?.end ?? skipName(message, header.length) + 4));
    whole.writeUInt16BE(kept.filter(({ section }) => section === 2).length, 10);
    return {
      message: whole,
      records: kept,
      rcode,
      truncated: (message.readUInt8(2) & header.truncated) !== 0,
      ttl: lifetime(message, kept, rcode),
    };
  } catch {
    return undefined;
  }
}

/** The answer to a query out of another one's, `age` seconds old, in at most `limit` octets. */
export function encodeRaw(query: Query, raw: RawResponse, age: number, limit: number): Buffer {
  const room = limit - (query.edns ? optLength : 0);
  const questionEnd = header.length + query.question.length;
  const counts = [0, 0, 0];
  let end = questionEnd;
  let truncated = raw.truncated;
  for (const record of raw.records) {
    if (record.end > room) {
      truncated ||= record.section < 2;
      break;
    }
    end = record.end;
    counts[record.section] = (counts[record.section] ?? 0) + 1;
  }
  const message = Buffer.concat([
    raw.message.subarray(0, end),
    ...(query.edns ? [opt(query.edns.dnssec)] : []),
  ]);
  for (const { ttlAt, ttl, end: recordEnd } of raw.records) {
    if (recordEnd <= end) message.writeUInt32BE(Math.max(0, ttl - Math.floor(age)), ttlAt);
  }
  // spelled as in this question: upper and lower case may differ
  query.question.copy(message, header.length);
  message.writeUInt16BE(query.id, 0);
  message[2] = header.response | (query.flags[0] & header.desired) | (truncated ? header.truncated : 0);
  message[3] = 0x80 | (raw.message.readUInt8(3) & 0x3f);
  if (query.edns) counts[2] = (counts[2] ?? 0) + 1;
  for (const [section, count] of counts.entries()) message.writeUInt16BE(count, 6 + 2 * section);
  return message;
}

function lifetime(
  message: Buffer,
  records: readonly (RawRecord & { type: number })[],
  rcode: number,
): number {
  const answers = records.filter(({ section }) => section === 0);
  if (rcode === 0 && answers.length > 0) return Math.min(...answers.map(({ ttl }) => ttl));
  if (rcode !== 0 && rcode !== 3) return 0;
  const soa = records.find(({ section, type }) => section === 1 && type === types.SOA);
  // the last field of its data
  return soa ? Math.min(soa.ttl, message.readUInt32BE(soa.end - 4)) : 0;
}
