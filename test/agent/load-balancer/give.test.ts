import { describe, expect, it } from 'vitest';

import { giveAddresses } from '../../../src/agent/load-balancer/give.ts';
import { readyNodesOf, wishOf } from '../../../src/agent/load-balancer/services.ts';
import type { Wish } from '../../../src/agent/load-balancer/services.ts';
import type { ServiceObject } from '../../../src/clients/kubernetes/objects.ts';
import { inRange, parseRange } from '../../../src/formats/address-range.ts';

const pool = ['10.0.0.1-10.0.0.3', 'fd00::1-fd00::2'].map(parseRange);
let age = 0;

function wish(name: string, changes: Partial<Wish> = {}): Wish {
  age += 1;
  const created = new Date(age * 1000).toISOString();
  return { name, uid: name, created, families: [4], asked: [], has: [], local: false, ...changes };
}

function given(...wishes: Wish[]): Record<string, string> {
  const { addresses } = giveAddresses(wishes, pool);
  return Object.fromEntries([...addresses].map(([name, all]) => [name, all.join(' ')]));
}

function refused(...wishes: Wish[]): Record<string, string> {
  return Object.fromEntries(giveAddresses(wishes, pool).refused);
}

describe('addresses', () => {
  it('are given to the older Service first, one per family', () => {
    const [a, b] = [wish('a'), wish('b', { families: [4, 6] })];
    expect(given(b, a)).toEqual({ a: '10.0.0.1', b: '10.0.0.2 fd00::1' });
  });

  it('stay with whoever has them, also when an older one comes without any', () => {
    expect(given(wish('a'), wish('b', { has: ['10.0.0.1'] }))).toEqual({ a: '10.0.0.2', b: '10.0.0.1' });
  });

  it('are given once, whatever a status says', () => {
    const both = [wish('a', { has: ['10.0.0.1'] }), wish('b', { has: ['10.0.0.1'] })];
    expect(given(...both)).toEqual({ a: '10.0.0.1', b: '10.0.0.2' });
  });

  it('of another pool are exchanged', () => {
    expect(given(wish('a', { has: ['192.0.2.7'] }))).toEqual({ a: '10.0.0.1' });
  });

  it('that are asked for are not given to others', () => {
    expect(given(wish('a'), wish('b', { asked: ['10.0.0.1'] }))).toEqual({ a: '10.0.0.2', b: '10.0.0.1' });
    expect(given(wish('a', { has: ['10.0.0.1'], asked: ['10.0.0.3'] }))).toEqual({ a: '10.0.0.3' });
    expect(given(wish('a', { families: [6], asked: ['fd00:0::2'] }))).toEqual({ a: 'fd00::2' });
  });

  it('are refused with the reason', () => {
    const holder = wish('shop/a', { has: ['10.0.0.1'] });
    expect(refused(holder, wish('b', { asked: ['10.0.0.1'] }))['b']).toMatch('belongs to shop/a');
    expect(refused(wish('b', { asked: ['10.9.9.9'] }))['b']).toMatch(
      '10.9.9.9, which it asks for, is not in the pool',
    );
    expect(refused(wish('b', { asked: ['all'] }))['b']).toMatch(
      'all, which it asks for, is no address for it',
    );
    expect(refused(wish('b', { asked: ['fd00::1'] }))['b']).toMatch('is no address for it');
  });

  it('can all be given, and then the next one waits', () => {
    const four = ['a', 'b', 'c', 'd'].map((name) => wish(name));
    expect(given(...four)['d']).toBe('');
    expect(refused(...four)).toEqual({ d: 'none of the 3 IPv4 addresses for Services is free' });
    expect(given(...four.slice(1))['d']).toBe('10.0.0.3');
  });

  it('of a family without a pool are missed only by whoever has no other', () => {
    const four = pool.slice(0, 1);
    const two = giveAddresses([wish('a', { families: [4, 6] }), wish('b', { families: [6] })], four);
    expect(two.addresses.get('a')).toEqual(['10.0.0.1']);
    expect([...two.refused]).toEqual([['b', 'this cluster has no IPv6 addresses for Services']]);
  });
});

describe('a Service', () => {
  const service = (spec: ServiceObject['spec'], ...ips: string[]): ServiceObject => ({
    metadata: { name: 'web', namespace: 'shop', uid: 'u', creationTimestamp: 't' },
    spec: { clusterIP: '10.96.0.9', ...spec },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  });
  const read = (object: ServiceObject) =>
    wishOf(object, (address) => pool.some((range) => inRange(range, address)));

  it('wants what its type and its annotation say', () => {
    const plain = {
      name: 'shop/web',
      uid: 'u',
      created: 't',
      families: [4],
      asked: [],
      has: [],
      local: false,
    };
    expect(read(service({ type: 'LoadBalancer' }))).toEqual(plain);
    expect(read(service({ type: 'LoadBalancer', loadBalancerIP: '10.0.0.2' }))?.asked).toEqual(['10.0.0.2']);
    const asking = service({ type: 'LoadBalancer', clusterIPs: ['10.96.0.9', 'fd00:96::9'] });
    const annotations = { 'knest.dev/load-balancer-addresses': '10.0.0.2, fd00::2' };
    expect(read({ ...asking, metadata: { ...asking.metadata, annotations } })).toMatchObject({
      families: [4, 6],
      asked: ['10.0.0.2', 'fd00::2'],
    });
    expect(read(service({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' }))?.local).toBe(true);
  });

  it('of another class or type is left alone, unless it has an address of ours to give back', () => {
    expect(read(service({ type: 'LoadBalancer', loadBalancerClass: 'other' }))).toBeUndefined();
    expect(
      read(service({ type: 'LoadBalancer', loadBalancerClass: 'knest.dev/load-balancer' })),
    ).toBeDefined();
    expect(read(service({ type: 'ClusterIP' }))).toBeUndefined();
    expect(read(service({ type: 'ClusterIP' }, '192.0.2.1'))).toBeUndefined();
    const former = read(service({ type: 'NodePort' }, '10.0.0.1'));
    expect(former).toMatchObject({ families: [], has: ['10.0.0.1'] });
    expect(former && given(former)).toEqual({ 'shop/web': '' });
  });

  const balancer = service({ type: 'LoadBalancer' });
  const withMetadata = (metadata: ServiceObject['metadata'], ...ips: string[]): ServiceObject => ({
    ...service({ type: 'LoadBalancer' }, ...ips),
    metadata: { ...balancer.metadata, ...metadata },
  });

  it.each([
    ['an address of another pool', service({ type: 'LoadBalancer' }, '192.0.2.7')],
    ['addresses of both', service({ type: 'LoadBalancer' }, '192.0.2.7', '10.0.0.1')],
    ['a name', { ...balancer, status: { loadBalancer: { ingress: [{ hostname: 'lb.example' }] } } }],
    [
      'an address of the pool, by another class',
      service({ type: 'LoadBalancer', loadBalancerClass: 'x' }, '10.0.0.1'),
    ],
    [
      'an address of the pool, set by another',
      withMetadata({ managedFields: [setBy('metallb')] }, '10.0.0.1'),
    ],
  ])('that has %s is left alone, and what it has is given to nobody', (_what, object) => {
    const found = read(object);
    expect(found?.families ?? []).toEqual([]);
    const others = found ? [found] : [];
    expect(given(...others, wish('new'))['new']).toBe(found ? '10.0.0.2' : '10.0.0.1');
    expect(found?.others ?? 'nothing of ours').toMatch(/class is x|set by metallb|status has 192|nothing of/);
  });

  it.each(['knest-load-balancer', 'unknown'])('keeps what %s has set', (manager) => {
    const managedFields = [{ manager: 'kubectl', fieldsV1: { 'f:spec': {} } }, setBy(manager)];
    expect(read(withMetadata({ managedFields }, '10.0.0.1'))).toMatchObject({ families: [4] });
  });

  it.each([
    ['MetalLB', { annotations: { 'metallb.io/address-pool': 'blue' } }],
    ['MetalLB', { annotations: { 'metallb.universe.tf/loadBalancerIPs': '192.0.2.1' } }],
    ['kube-vip', { annotations: { 'kube-vip.io/loadbalancerIPs': '192.0.2.1' } }],
    ['Cilium', { annotations: { 'lbipam.cilium.io/ips': '192.0.2.1' } }],
    ['a cloud controller', { finalizers: ['service.kubernetes.io/load-balancer-cleanup'] }],
    ["k3s' servicelb", { finalizers: ['svccontroller.k3s.cattle.io/daemonset'] }],
  ])('that is marked for %s is left to it, and gives back what it has', (who, metadata) => {
    const marked = read(withMetadata(metadata));
    expect(marked?.families).toEqual([]);
    expect(marked?.others).toContain(who);
    const former = read(withMetadata(metadata, '10.0.0.1'));
    expect(former).toMatchObject({ families: [], has: ['10.0.0.1'] });
    expect(former?.others).toBeUndefined();
  });

  it('that says to be ours is ours, whatever else it says', () => {
    const annotations = { 'metallb.io/address-pool': 'blue' };
    const spec = { type: 'LoadBalancer', loadBalancerClass: 'knest.dev/load-balancer' };
    const own = service(spec, '192.0.2.7');
    expect(read({ ...own, metadata: { ...own.metadata, annotations } })).toMatchObject({ families: [4] });
    const asking = { ...annotations, 'knest.dev/load-balancer-addresses': '10.0.0.2' };
    expect(read(withMetadata({ annotations: asking }))).toMatchObject({ families: [4], asked: ['10.0.0.2'] });
  });

  it('of a cloud is served, as manifests for clouds are tried here', () => {
    const annotations = { 'service.beta.kubernetes.io/aws-load-balancer-type': 'nlb' };
    expect(read(withMetadata({ annotations }))).toMatchObject({ families: [4] });
  });
});

function setBy(manager: string) {
  return { manager, fieldsV1: { 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } } };
}

it('nodes with ready endpoints are known in both versions of slices', () => {
  const metadata = { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } };
  const endpoints = [
    { nodeName: 'a', conditions: { ready: true } },
    { topology: { 'kubernetes.io/hostname': 'b' } },
    { nodeName: 'c', conditions: { ready: false } },
  ];
  expect(readyNodesOf({ metadata, endpoints })).toEqual({ service: 'shop/web', nodes: ['a', 'b'] });
  expect(readyNodesOf({ metadata, endpoints: null }).nodes).toEqual([]);
});
