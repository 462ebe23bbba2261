import * as dnsPacket from 'dns-packet';
import type { Packet } from 'dns-packet';
import { expect, it } from 'vitest';

import { encodeRaw, parseResponse } from '../../../src/agent/dns/raw-response.ts';
import { parseQuery } from '../../../src/agent/dns/wire.ts';
import { a, soa } from './upstream-server.ts';

const questions = [{ name: 'www.example', type: 'A' as const }];

function parsed(packet: Packet) {
  const response = parseResponse(dnsPacket.encode({ type: 'response', id: 9, questions, ...packet }));
  if (!response) throw new Error('cannot be read');
  return response;
}

function served(packet: Packet, age: number) {
  const query = parseQuery(dnsPacket.encode({ type: 'query', id: 7, questions }));
  if (query === undefined || query === 'malformed') throw new Error('no query');
  return dnsPacket.decode(encodeRaw(query, parsed(packet), age, 512));
}

it('counts TTLs down, not below nothing', () => {
  const answers = [a('www.example', '192.0.2.1', 60), a('www.example', '192.0.2.2', 10)];
  expect(served({ answers }, 12.9).answers).toMatchObject([{ ttl: 48 }, { ttl: 0 }]);
  expect(served({ answers }, 12.9).id).toBe(7);
});

it('holds as long as the shortest TTL, and nothing as long as SOA says', () => {
  expect(
    parsed({ answers: [a('www.example', '192.0.2.1', 60), a('www.example', '192.0.2.2', 10)] }).ttl,
  ).toBe(10);
  expect(parsed({ flags: 3, authorities: [soa('example', 7)] }).ttl).toBe(7);
  expect(parsed({ flags: 2, authorities: [soa('example', 7)] }).ttl).toBe(0);
  expect(parsed({}).ttl).toBe(0);
});

it('takes nothing that is cut off', () => {
  const whole = dnsPacket.encode({
    type: 'response',
    id: 9,
    questions,
    answers: [a('www.example', '192.0.2.1')],
  });
  for (let length = 0; length < whole.length; length += 1)
    expect(parseResponse(whole.subarray(0, length)), String(length)).toBeUndefined();
});
