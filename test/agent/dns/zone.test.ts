import { describe, expect, it } from 'vitest';

import { clusterStore } from '../../../src/agent/dns/store.ts';
import { answerFromZone } from '../../../src/agent/dns/zone.ts';
import { shop, slice, service, zone } from './cluster.ts';

const store = shop();
const ask = (name: string, type: string) => answerFromZone(name, type, store, zone);
const data = (name: string, type: string) =>
  ask(name, type)?.answers.map((record) => ('data' in record ? record.data : undefined));
/** What a negative answer is: its code, when it says how long it holds. */
const none = (name: string, type = 'A') => {
  const answer = ask(name, type);
  expect(answer?.answers).toEqual([]);
  expect(answer?.authorities).toMatchObject([{ type: 'SOA', ttl: 5, data: { minimum: 5 } }]);
  return answer?.rcode;
};

describe('a Service with an address', () => {
  it('has A and AAAA', () => {
    expect(data('web.shop.svc.cluster.local', 'A')).toEqual(['10.96.0.7']);
    expect(data('web.shop.svc.cluster.local', 'AAAA')).toEqual(['fd00::7']);
  });

  it('has SRV for named ports, with addresses beside', () => {
    const answer = ask('_http._tcp.web.shop.svc.cluster.local', 'SRV');
    expect(answer?.answers).toMatchObject([{ data: { port: 80, target: 'web.shop.svc.cluster.local' } }]);
    expect(answer?.additionals).toMatchObject([{ data: '10.96.0.7' }, { data: 'fd00::7' }]);
    expect(none('_http._udp.web.shop.svc.cluster.local', 'SRV')).toBe('NXDOMAIN');
    expect(none('__._tcp.web.shop.svc.cluster.local', 'SRV')).toBe('NXDOMAIN');
    expect(none('_._tcp.web.shop.svc.cluster.local', 'SRV')).toBe('NXDOMAIN');
    expect(none('_tcp.web.shop.svc.cluster.local', 'SRV')).toBe('NOERROR');
  });

  it('has PTR, its endpoints have none', () => {
    expect(data('7.0.96.10.in-addr.arpa', 'PTR')).toEqual(['web.shop.svc.cluster.local']);
    const nibbles = `7.${'0.'.repeat(27)}0.0.d.f.ip6.arpa`;
    expect(data(nibbles, 'PTR')).toEqual(['web.shop.svc.cluster.local']);
    expect(none('1.0.244.10.in-addr.arpa', 'PTR')).toBe('NXDOMAIN');
  });
});

describe('a headless Service', () => {
  it('has the addresses of ready endpoints', () => {
    expect(data('db.shop.svc.cluster.local', 'A')).toEqual(['10.244.0.2', '10.244.0.3', '10.244.0.4']);
    expect(none('db.shop.svc.cluster.local', 'AAAA')).toBe('NOERROR');
  });

  it('has those of others when they are to be published', () => {
    expect(data('early.shop.svc.cluster.local', 'A')).toEqual(['10.244.0.6']);
  });

  it('does not exist without endpoints', () => {
    expect(none('nobody.shop.svc.cluster.local')).toBe('NXDOMAIN');
  });

  it('has names for its endpoints', () => {
    expect(data('db-0.db.shop.svc.cluster.local', 'A')).toEqual(['10.244.0.2']);
    expect(data('10-244-0-4.db.shop.svc.cluster.local', 'A')).toEqual(['10.244.0.4']);
    expect(none('db-9.db.shop.svc.cluster.local')).toBe('NXDOMAIN');
    expect(none('10-244-0-2.db.shop.svc.cluster.local')).toBe('NXDOMAIN');
  });

  it('has SRV for each endpoint and PTR back', () => {
    const answer = ask('_sql._tcp.db.shop.svc.cluster.local', 'SRV');
    expect(answer?.answers.map((record) => 'data' in record && record.data)).toEqual(
      ['db-0', 'db-1', '10-244-0-4'].map((host) => ({
        ...{ priority: 0, weight: 33, port: 5432 },
        target: `${host}.db.shop.svc.cluster.local`,
      })),
    );
    expect(answer?.additionals).toHaveLength(3);
    expect(data('2.0.244.10.in-addr.arpa', 'PTR')).toEqual(['db-0.db.shop.svc.cluster.local']);
    expect(none('5.0.244.10.in-addr.arpa', 'PTR')).toBe('NXDOMAIN');
  });
});

it('makes ExternalName an alias', () => {
  expect(ask('outside.shop.svc.cluster.local', 'A')).toMatchObject({
    answers: [{ type: 'CNAME', data: 'www.example.com' }],
    follow: 'www.example.com',
  });
  expect(ask('outside.shop.svc.cluster.local', 'CNAME')?.follow).toBeUndefined();
  expect(none('x.outside.shop.svc.cluster.local')).toBe('NXDOMAIN');
});

it('takes no address for a name', () => {
  const view = shop();
  view.setService(service('address', { type: 'ExternalName', externalName: '192.0.2.1' }));
  expect(answerFromZone('address.shop.svc.cluster.local', 'A', view, zone)?.rcode).toBe('NXDOMAIN');
});

it('turns pods names into addresses where there is such a namespace', () => {
  expect(data('10-1-2-3.shop.pod.cluster.local', 'A')).toEqual(['10.1.2.3']);
  expect(data('fd00--3.shop.pod.cluster.local', 'AAAA')).toEqual(['fd00::3']);
  expect(none('10-1-2-3.nowhere.pod.cluster.local')).toBe('NXDOMAIN');
  expect(none('10-1-2-300.shop.pod.cluster.local')).toBe('NXDOMAIN');
  expect(none('web.shop.pod.cluster.local')).toBe('NXDOMAIN');
});

it('knows names that have no records from names that are not', () => {
  for (const name of ['svc', 'pod', 'shop.svc', 'empty.svc', 'shop.pod', 'dns'])
    expect(none(`${name}.cluster.local`), name).toBe('NOERROR');
  for (const name of [
    'web',
    'nowhere.svc',
    'web.nowhere.svc',
    'x.web.shop.svc',
    'a.b.c.web.shop.svc',
    'x.dns',
  ])
    expect(none(`${name}.cluster.local`), name).toBe('NXDOMAIN');
});

it('says what it is', () => {
  expect(data('dns-version.cluster.local', 'TXT')).toEqual(['1.1.0']);
  expect(data('cluster.local', 'NS')).toEqual(['ns.dns.cluster.local']);
  expect(data('ns.dns.cluster.local', 'A')).toEqual(['10.96.0.10']);
  expect(ask('cluster.local', 'SOA')?.answers).toHaveLength(1);
});

it('leaves other names to others', () => {
  for (const name of [
    'example.com',
    'notcluster.local',
    'local',
    '1.2.0.192.in-addr.arpa',
    '10.in-addr.arpa',
  ])
    expect(ask(name, 'A'), name).toBeUndefined();
});

it('says of nothing that it is not there before it has seen all', () => {
  const view = clusterStore();
  const early = (name: string) => answerFromZone(name, 'A', view, zone)?.rcode;
  expect(early('web.shop.svc.cluster.local')).toBe('SERVFAIL');
  view.setNamespace('shop');
  view.setService(service('web', { clusterIP: '10.96.0.7' }));
  expect(early('web.shop.svc.cluster.local')).toBe('NOERROR');
  expect(early('other.shop.svc.cluster.local')).toBe('SERVFAIL');
  view.setComplete();
  expect(early('other.shop.svc.cluster.local')).toBe('NXDOMAIN');
});

it('follows changes', () => {
  const view = shop();
  const addresses = () => answerFromZone('db.shop.svc.cluster.local', 'A', view, zone)?.answers.length;
  const names = (address: string) =>
    answerFromZone(`${address.split('.').reverse().join('.')}.in-addr.arpa`, 'PTR', view, zone)?.rcode;
  expect(names('10.244.0.2')).toBe('NOERROR');
  const before = view.generation;
  view.setSlice(slice('db-1', 'db', [{ address: '10.244.0.9' }]));
  expect(view.generation).toBeGreaterThan(before);
  expect(addresses()).toBe(1);
  expect(names('10.244.0.2')).toBe('NXDOMAIN');
  view.setSlice(slice('db-2', 'db', [{ address: '10.244.0.10' }]));
  expect(addresses()).toBe(2);
  // the slice goes to another Service
  view.setSlice(slice('db-2', 'web', [{ address: '10.244.0.10' }]));
  expect(addresses()).toBe(1);
  view.deleteSlice(slice('db-1', 'db', []));
  expect(addresses()).toBe(0);
  view.setService(service('web', { clusterIP: 'None' }));
  expect(names('10.96.0.7')).toBe('NXDOMAIN');
  view.deleteService(service('web', {}));
  view.deleteNamespace('empty');
  expect(answerFromZone('empty.svc.cluster.local', 'A', view, zone)?.rcode).toBe('NXDOMAIN');
});
