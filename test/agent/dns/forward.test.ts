import { afterEach, describe, expect, it } from 'vitest';

import { forwardDefaults, forwarder } from '../../../src/agent/dns/forward.ts';
import { parseServer, upstreamServers } from '../../../src/agent/dns/upstream.ts';
import { parseQuery } from '../../../src/agent/dns/wire.ts';
import type { Query } from '../../../src/agent/dns/wire.ts';
import * as dnsPacket from 'dns-packet';
import { a, soa, upstreamServer } from './upstream-server.ts';
import type { Reply, UpstreamServer } from './upstream-server.ts';

const servers: UpstreamServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

async function start(reply: (name: string) => Reply | undefined): Promise<UpstreamServer> {
  const server = await upstreamServer(reply);
  servers.push(server);
  return server;
}

function query(name: string): Query {
  const parsed = parseQuery(dnsPacket.encode({ type: 'query', id: 1, questions: [{ name, type: 'A' }] }));
  if (parsed === undefined || parsed === 'malformed') throw new Error('no query');
  return parsed;
}

function over(upstreams: readonly UpstreamServer[], changes = {}, now?: () => number) {
  const list = upstreams.map(({ port }) => ({ address: '127.0.0.1', port }));
  return forwarder(
    { ...forwardDefaults, patience: [200, 300, 400], servers: list, stubDomains: {}, ...changes },
    now,
  );
}

describe('several servers', () => {
  it('are asked in order until one answers; a silent one comes last afterwards', async () => {
    const silent = await start(() => undefined);
    const good = await start((name) => ({ answers: [a(name, '192.0.2.1', 0)] }));
    const forward = over([silent, good]);
    expect((await forward.ask(query('one.example')))?.response.rcode).toBe(0);
    expect(silent.asked).toHaveLength(1);
    const began = Date.now();
    expect((await forward.ask(query('two.example')))?.response.rcode).toBe(0);
    expect(Date.now() - began).toBeLessThan(150);
    expect(silent.asked).toHaveLength(1);
  });

  it('fail over at once when nobody listens', async () => {
    const gone = await start(() => undefined);
    await servers.pop()?.close();
    const good = await start((name) => ({ answers: [a(name, '192.0.2.1')] }));
    const began = Date.now();
    expect((await over([gone, good]).ask(query('one.example')))?.response.rcode).toBe(0);
    expect(Date.now() - began).toBeLessThan(150);
  });

  it('fail over when one refuses, and tell the refusal when all do', async () => {
    const refusing = await start(() => ({ rcode: 5 }));
    const good = await start((name) => ({ answers: [a(name, '192.0.2.1')] }));
    expect((await over([refusing, good]).ask(query('one.example')))?.response.rcode).toBe(0);
    expect((await over([refusing]).ask(query('one.example')))?.response.rcode).toBe(5);
  });
});

it('asks again when a question was lost', async () => {
  let seen = 0;
  const lossy = await start((name) => ((seen += 1) > 1 ? { answers: [a(name, '192.0.2.1')] } : undefined));
  expect((await over([lossy]).ask(query('one.example')))?.response.rcode).toBe(0);
  expect(seen).toBe(2);
});

it('gives up soon when nobody has answered before', async () => {
  const silent = await start(() => undefined);
  const forward = over([silent]);
  expect(await forward.ask(query('one.example'))).toBeUndefined();
  const began = Date.now();
  expect(await forward.ask(query('two.example'))).toBeUndefined();
  expect(Date.now() - began).toBeLessThan(300);
});

it('says at once that there are no servers', async () => {
  expect(await over([]).ask(query('one.example'))).toBeUndefined();
});

it('asks one question once for all who wait', async () => {
  const server = await start((name) => ({ answers: [a(name, '192.0.2.1')] }));
  const forward = over([server]);
  await Promise.all(Array.from({ length: 50 }, () => forward.ask(query('one.example'))));
  expect(server.asked).toHaveLength(1);
});

describe('memory', () => {
  it('holds as long as the TTL, and not longer than allowed', async () => {
    let now = 0;
    const server = await start((name) => ({
      answers: [a(name, '192.0.2.1', name === 'long.example' ? 900 : 10)],
    }));
    const forward = over([server], {}, () => now);
    for (const [name, until] of [
      ['short.example', 10],
      ['long.example', 30],
    ] as const) {
      const start = now;
      await forward.ask(query(name));
      now = start + until * 1000 - 1;
      expect(forward.remembered(query(name))?.age).toBeCloseTo(until);
      now = start + until * 1000;
      expect(forward.remembered(query(name))).toBeUndefined();
    }
  });

  it('holds that there is nothing as long as SOA says', async () => {
    let now = 0;
    const server = await start((name) => ({
      ...{ rcode: name.startsWith('no') ? 3 : 0 },
      ...(name.endsWith('soa.example') ? { authorities: [soa('example', 7)] } : {}),
    }));
    const forward = over([server], {}, () => now);
    for (const name of ['no.soa.example', 'empty.soa.example', 'no.example']) await forward.ask(query(name));
    now = 6999;
    expect(forward.remembered(query('no.soa.example'))).toBeDefined();
    expect(forward.remembered(query('empty.soa.example'))).toBeDefined();
    expect(forward.remembered(query('no.example'))).toBeUndefined();
    now = 7000;
    expect(forward.remembered(query('no.soa.example'))).toBeUndefined();
  });

  it('forgets failures at once, and the oldest when it is full', async () => {
    const server = await start((name) =>
      name === 'bad.example' ? { rcode: 2 } : { answers: [a(name, '192.0.2.1')] },
    );
    const forward = over([server], { cacheSize: 2 });
    for (const name of ['bad.example', 'one.example', 'two.example', 'three.example'])
      await forward.ask(query(name));
    expect(forward.counts.entries).toBe(2);
    expect(forward.remembered(query('bad.example'))).toBeUndefined();
    expect(forward.remembered(query('one.example'))).toBeUndefined();
    expect(forward.remembered(query('three.example'))).toBeDefined();
  });
});

it('reads servers', () => {
  expect(parseServer('192.0.2.1:5353')).toEqual({ address: '192.0.2.1', port: 5353 });
  expect(parseServer('2001:db8::1')).toEqual({ address: '2001:db8::1', port: 53 });
  expect(parseServer('[2001:db8::1]:5353')).toEqual({ address: '2001:db8::1', port: 5353 });
  const text = 'search a.b\nnameserver 192.0.2.1\nnameserver 10.0.0.2\n';
  expect(upstreamServers(text, ['10.0.0.2'])).toEqual([{ address: '192.0.2.1', port: 53 }]);
});
