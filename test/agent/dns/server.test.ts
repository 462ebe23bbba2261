/** The whole server over loopback: what goes over the wire, by UDP and TCP. */

import * as dnsPacket from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { forwardDefaults, forwarder } from '../../../src/agent/dns/forward.ts';
import { hostLookup } from '../../../src/agent/dns/hosts.ts';
import { resolver } from '../../../src/agent/dns/resolver.ts';
import { startServer } from '../../../src/agent/dns/server.ts';
import type { DnsServer } from '../../../src/agent/dns/server.ts';
import type { ClusterStore } from '../../../src/agent/dns/store.ts';
import { ask, askRaw, dataOf } from './client.ts';
import { shop, slice, service, zone } from './cluster.ts';
import { a, soa, upstreamServer } from './upstream-server.ts';
import type { Reply, UpstreamServer } from './upstream-server.ts';

let store: ClusterStore;
let server: DnsServer;
let upstream: UpstreamServer;
let stub: UpstreamServer;
let bugs: unknown[];

const many = Array.from({ length: 100 }, (_, index) => a('big.example.com', `192.0.2.${index}`));
const replies: Record<string, Reply> = {
  'www.example.com A': { answers: [a('www.example.com', '192.0.2.80')] },
  'big.example.com A': { answers: many, truncateUdp: true },
  'none.example.com A': { rcode: 3, authorities: [soa('example.com', 60)] },
  'alias.example.com A': {
    answers: [
      { type: 'CNAME', name: 'alias.example.com', ttl: 60, data: 'www.example.com' },
      a('www.example.com', '192.0.2.80'),
    ],
  },
  'www.example.com UNKNOWN_65': {
    answers: [
      { type: 'UNKNOWN_65' as 'NULL', name: 'www.example.com', ttl: 60, data: Buffer.from([0, 1, 0]) },
    ],
  },
};

beforeEach(async () => {
  store = shop();
  bugs = [];
  upstream = await upstreamServer((name, type) => replies[`${name.toLowerCase()} ${type}`] ?? { rcode: 3 });
  stub = await upstreamServer((name) => ({ answers: [a(name, '192.0.2.99')] }));
  const local = (port: number) => [{ address: '127.0.0.1', port }];
  const options = {
    addresses: ['127.0.0.1'],
    port: 0,
    generation: () => store.generation,
    resolve: resolver({
      view: store,
      zone,
      hosts: hostLookup({ 'Registry.local': ['192.0.2.5', '2001:db8::5'] }, 5),
      forwarder: forwarder({
        ...forwardDefaults,
        servers: local(upstream.port),
        stubDomains: { 'corp.example': local(stub.port) },
      }),
      onBug: (error) => bugs.push(error),
    }),
  };
  // the port that UDP was given may be somebody's in TCP: once more, then
  server = await startServer(options).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return startServer(options);
  });
});

afterEach(async () => {
  await Promise.all([server.close(), upstream.close(), stub.close()]);
  expect(bugs).toEqual([]);
});

const flagsOf = ({ flags = 0 }: { flags?: number | undefined }) => ({
  authoritative: (flags & dnsPacket.AUTHORITATIVE_ANSWER) !== 0,
  truncated: (flags & dnsPacket.TRUNCATED_RESPONSE) !== 0,
  recursion: (flags & dnsPacket.RECURSION_AVAILABLE) !== 0,
});

describe('names of the cluster', () => {
  it('are answered by UDP and TCP, with authority', async () => {
    for (const tcp of [false, true]) {
      const reply = await ask(server.port, 'web.shop.svc.cluster.local', 'A', { tcp });
      expect(dataOf(reply)).toEqual(['10.96.0.7']);
      expect(reply.answers).toMatchObject([{ name: 'web.shop.svc.cluster.local', ttl: 5 }]);
      expect(flagsOf(reply)).toEqual({ authoritative: true, truncated: false, recursion: true });
    }
  });

  it('are written as they were asked for', async () => {
    const reply = await ask(server.port, 'WEB.Shop.svc.Cluster.Local');
    expect(reply.questions?.[0]?.name).toBe('WEB.Shop.svc.Cluster.Local');
    expect(dataOf(reply)).toEqual(['10.96.0.7']);
  });

  it('say with SOA that there is nothing', async () => {
    const missing = await ask(server.port, 'nothing.shop.svc.cluster.local');
    expect(missing.rcode).toBe('NXDOMAIN');
    expect(missing.authorities).toMatchObject([{ type: 'SOA', name: 'cluster.local', ttl: 5 }]);
    const empty = await ask(server.port, 'db.shop.svc.cluster.local', 'AAAA');
    expect(empty.rcode).toBe('NOERROR');
    expect(empty.authorities).toMatchObject([{ type: 'SOA' }]);
  });

  it('come in another order each time', async () => {
    const seen = new Set<unknown>();
    for (let turn = 0; turn < 6; turn += 1) {
      const [first] = dataOf(await ask(server.port, 'db.shop.svc.cluster.local'));
      seen.add(first);
    }
    expect(seen.size).toBe(3);
  });

  it('are never stale', async () => {
    const current = async () => dataOf(await ask(server.port, 'web.shop.svc.cluster.local'));
    expect(await current()).toEqual(['10.96.0.7']);
    expect(await current()).toEqual(['10.96.0.7']);
    store.setService(service('web', { clusterIP: '10.96.0.8' }));
    expect(await current()).toEqual(['10.96.0.8']);
    store.deleteService(service('web', {}));
    expect((await ask(server.port, 'web.shop.svc.cluster.local')).rcode).toBe('NXDOMAIN');
  });

  it('are cut where they do not fit, and whole by TCP', async () => {
    const addresses = Array.from({ length: 200 }, (_, index) => ({ address: `10.244.1.${index}` }));
    store.setSlice(slice('db-1', 'db', addresses));
    const name = 'db.shop.svc.cluster.local';
    const plain = await ask(server.port, name);
    expect(flagsOf(plain).truncated).toBe(true);
    expect(plain.length).toBeLessThanOrEqual(512);
    // names are compressed: 16 octets a record
    expect(dataOf(plain)).toHaveLength(29);
    const larger = await ask(server.port, name, 'A', { edns: 4096 });
    expect(flagsOf(larger).truncated).toBe(true);
    expect(larger.length).toBeLessThanOrEqual(1232);
    expect(dataOf(larger).length).toBeGreaterThan(70);
    const whole = await ask(server.port, name, 'A', { tcp: true });
    expect(flagsOf(whole).truncated).toBe(false);
    expect(new Set(dataOf(whole)).size).toBe(200);
  });

  it('leave extras out without saying so', async () => {
    const endpoints = Array.from({ length: 6 }, (_, index) => ({ address: `10.244.1.${index}` }));
    store.setSlice(slice('db-1', 'db', endpoints, [{ name: 'sql', protocol: 'TCP', port: 5432 }]));
    const reply = await ask(server.port, '_sql._tcp.db.shop.svc.cluster.local', 'SRV');
    expect(flagsOf(reply).truncated).toBe(false);
    expect(reply.answers).toHaveLength(6);
    expect(reply.additionals?.length).toBeLessThan(6);
  });

  it('are followed when they are aliases', async () => {
    const outside = await ask(server.port, 'outside.shop.svc.cluster.local');
    expect(dataOf(outside)).toEqual(['www.example.com', '192.0.2.80']);
    expect(outside.answers?.[1]?.name).toBe('www.example.com');
    expect(dataOf(await ask(server.port, 'alias.shop.svc.cluster.local'))).toEqual([
      'web.shop.svc.cluster.local',
      '10.96.0.7',
    ]);
    expect((await ask(server.port, 'loop.shop.svc.cluster.local')).rcode).toBe('SERVFAIL');
    expect(dataOf(await ask(server.port, 'outside.shop.svc.cluster.local', 'CNAME'))).toEqual([
      'www.example.com',
    ]);
  });

  it('answer "everything" with a hint', async () => {
    expect(dataOf(await ask(server.port, 'web.shop.svc.cluster.local', 'ANY'))).toMatchObject([
      { cpu: 'RFC8482' },
    ]);
  });
});

describe('other names', () => {
  it('come from the upstream server, and then from memory', async () => {
    for (let turn = 0; turn < 3; turn += 1) {
      const reply = await ask(server.port, 'www.example.com', 'A', turn === 1 ? { edns: 1232 } : {});
      expect(dataOf(reply)).toEqual(['192.0.2.80']);
      expect(flagsOf(reply).authoritative).toBe(false);
      // OPT is for those who sent one
      expect((reply.additionals ?? []).map(({ type }) => type)).toEqual(turn === 1 ? ['OPT'] : []);
    }
    expect(upstream.asked).toEqual(['www.example.com A udp']);
  });

  it('are remembered when there are none', async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      const reply = await ask(server.port, 'none.example.com');
      expect(reply.rcode).toBe('NXDOMAIN');
      expect(reply.authorities).toHaveLength(1);
    }
    expect(upstream.asked).toHaveLength(1);
  });

  it('are fetched by TCP when they are too long', async () => {
    const plain = await ask(server.port, 'big.example.com');
    expect(upstream.asked).toEqual(['big.example.com A udp', 'big.example.com A tcp']);
    expect(flagsOf(plain).truncated).toBe(true);
    expect(plain.length).toBeLessThanOrEqual(512);
    expect(dataOf(plain).length).toBeGreaterThan(10);
    expect(dataOf(await ask(server.port, 'big.example.com', 'A', { tcp: true }))).toHaveLength(100);
    expect(upstream.asked).toHaveLength(2);
  });

  it('pass through in types that nobody here knows', async () => {
    expect(dataOf(await ask(server.port, 'www.example.com', 'UNKNOWN_65'))).toEqual([Buffer.from([0, 1, 0])]);
  });

  it('keep upper and lower case apart on the wire only', async () => {
    expect(dataOf(await ask(server.port, 'www.example.com'))).toEqual(['192.0.2.80']);
    const reply = await ask(server.port, 'WWW.EXAMPLE.COM');
    expect(reply.questions?.[0]?.name).toBe('WWW.EXAMPLE.COM');
    expect(upstream.asked).toHaveLength(1);
  });

  it('come from the servers of their domain', async () => {
    expect(dataOf(await ask(server.port, 'git.corp.example'))).toEqual(['192.0.2.99']);
    expect(dataOf(await ask(server.port, 'corp.example'))).toEqual(['192.0.2.99']);
    expect((await ask(server.port, 'notcorp.example')).rcode).toBe('NXDOMAIN');
    expect(stub.asked).toHaveLength(2);
  });

  it('may be given by hand', async () => {
    expect(dataOf(await ask(server.port, 'registry.local'))).toEqual(['192.0.2.5']);
    expect(dataOf(await ask(server.port, 'registry.local', 'AAAA'))).toEqual(['2001:db8::5']);
    expect((await ask(server.port, 'registry.local', 'MX')).rcode).toBe('NOERROR');
    expect(dataOf(await ask(server.port, '5.2.0.192.in-addr.arpa', 'PTR'))).toEqual(['registry.local']);
  });
});

describe('what is no proper question', () => {
  it('is refused by name', async () => {
    expect((await ask(server.port, 'cluster.local', 'AXFR')).rcode).toBe('REFUSED');
    const version = await ask(server.port, 'web.shop.svc.cluster.local', 'A', { edns: 1232, version: 1 });
    const opt = version.additionals?.find(({ type }) => type === 'OPT') as dnsPacket.OptAnswer;
    expect(opt).toMatchObject({ extendedRcode: 1, ednsVersion: 0 });
    const notify = dnsPacket.encode({ type: 'query', id: 1, questions: [{ name: 'x', type: 'A' }] });
    notify[2] = 4 << 3;
    expect((await askRaw(server.port, notify)).readUInt8(3) & 15).toBe(4);
  });

  it('does not end the server', async () => {
    const whole = dnsPacket.encode({ type: 'query', id: 77, questions: [{ name: 'a.b', type: 'A' }] });
    for (let length = 12; length < whole.length; length += 1) {
      const answer = await askRaw(server.port, whole.subarray(0, length));
      expect(answer.readUInt16BE(0)).toBe(77);
      expect(answer.readUInt8(3) & 15).toBe(1);
    }
    const loop = Buffer.from(whole);
    loop.set([0xc0, 12], 12);
    expect((await askRaw(server.port, loop)).readUInt8(3) & 15).toBe(1);
    expect(dataOf(await ask(server.port, 'web.shop.svc.cluster.local'))).toEqual(['10.96.0.7']);
  });
});

it('counts', async () => {
  await ask(server.port, 'web.shop.svc.cluster.local');
  await ask(server.port, 'web.shop.svc.cluster.local');
  await ask(server.port, 'nothing.shop.svc.cluster.local', 'A', { tcp: true });
  expect(server.counts).toEqual({ udp: 2, tcp: 1, repeated: 1, rcodes: { 0: 2, 3: 1 } });
});
