import { describe, expect, it } from 'vitest';

import {
  decide,
  emptyState,
  endpointSlices,
  isNeeded,
  nodes,
  services,
} from '../../../src/agent/load-balancer/state.ts';
import type { BalancerState } from '../../../src/agent/load-balancer/state.ts';
import type { ServiceObject } from '../../../src/clients/kubernetes/objects.ts';
import { parseRange } from '../../../src/formats/address-range.ts';

const pool = [parseRange('10.9.0.1-10.9.0.2')];
const inPool = (address: string): boolean => address.startsWith('10.9.0.');

function service(name: string, spec: ServiceObject['spec'] = {}, ...ips: string[]): ServiceObject {
  return {
    metadata: { name, namespace: 'shop', uid: name, creationTimestamp: '2020-01-01T00:00:00Z' },
    spec: { type: 'LoadBalancer', clusterIP: '10.96.0.9', ...spec },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  };
}

function node(name: string, address: string, status = 'True', labels: Record<string, string> = {}) {
  return {
    metadata: { name, labels },
    status: {
      addresses: [{ type: 'InternalIP', address }],
      conditions: [{ type: 'Ready', status }],
    },
  };
}

function slice(name: string, owner: string, ...on: string[]) {
  return {
    metadata: { name, namespace: 'shop', labels: { 'kubernetes.io/service-name': owner } },
    endpoints: on.map((nodeName) => ({ nodeName, conditions: { ready: true } })),
  };
}

/** Two ready workers and these Services. */
function stateWith(...all: ServiceObject[]): BalancerState {
  const state = emptyState();
  for (const one of all) services(state, inPool).set(one);
  nodes(state).set(node('one', '10.0.0.1'));
  nodes(state).set(node('two', '10.0.0.2'));
  return state;
}

describe('changes of Services', () => {
  it('matter when they want an address, and when they want it no more', () => {
    const state = emptyState();
    const reducer = services(state, inPool);
    expect(reducer.set(service('web'))).toBe(true);
    expect(isNeeded(state)).toBe(true);
    expect(reducer.set(service('web', { type: 'ClusterIP' }))).toBe(true);
    expect(reducer.set(service('web', { type: 'ClusterIP' }))).toBe(false);
    expect(isNeeded(state)).toBe(false);
  });

  it('forget a Service that is gone, and what it was told', () => {
    const state = stateWith(service('web'));
    state.told.set('shop/web', 'the pool is empty');
    const reducer = services(state, inPool);
    const gone = { metadata: { name: 'web', namespace: 'shop' } };
    expect(reducer.delete(gone)).toBe(true);
    expect(reducer.delete(gone)).toBe(false);
    expect([state.wishes.size, state.told.size]).toEqual([0, 0]);
  });

  it('leave something to do while an address of one that is gone is answered for', () => {
    const state = emptyState();
    expect(isNeeded(state)).toBe(false);
    state.announced = { data: { one: '10.9.0.1' } };
    expect(isNeeded(state)).toBe(true);
  });
});

describe('a Service whose address somebody takes away', () => {
  const wishAfter = (...all: ServiceObject[]) => {
    const state = emptyState();
    for (const one of all) services(state, inPool).set(one);
    return state.wishes.get('shop/web');
  };
  const fresh = service('web');
  const given = service('web', {}, '10.9.0.1');

  it('is left to that one from then on', () => {
    expect(wishAfter(fresh, given)).toMatchObject({ families: [4] });
    expect(wishAfter(fresh, given, fresh)).toMatchObject({
      families: [],
      others: expect.any(String) as string,
    });
    const foreign = service('web', {}, '192.0.2.1');
    expect(wishAfter(fresh, given, foreign, fresh)?.families).toEqual([]);
  });

  it('is ours again as another object, or once it says so', () => {
    const another = { ...fresh, metadata: { ...fresh.metadata, uid: 'another' } };
    expect(wishAfter(given, fresh, another)).toMatchObject({ families: [4] });
    const own = service('web', { loadBalancerClass: 'knest.dev/load-balancer' });
    expect(wishAfter(given, fresh, own)).toMatchObject({ families: [4] });
    expect(wishAfter(given, fresh, service('web', { type: 'ClusterIP' }), fresh)).toMatchObject({
      families: [4],
    });
  });

  it('is not one that has been told of late: before it had any', () => {
    expect(wishAfter(fresh, fresh)).toMatchObject({ families: [4] });
  });
});

describe('changes of nodes', () => {
  it('matter when address, readiness or role change', () => {
    const reducer = nodes(emptyState());
    expect(reducer.set(node('one', '10.0.0.1'))).toBe(true);
    expect(reducer.set(node('one', '10.0.0.1', 'True', { unrelated: 'yes' }))).toBe(false);
    expect(reducer.set(node('one', '10.0.0.1', 'False'))).toBe(true);
    expect(reducer.set(node('one', '10.0.0.3', 'False'))).toBe(true);
    const controlPlane = { 'node-role.kubernetes.io/control-plane': '' };
    expect(reducer.set(node('one', '10.0.0.3', 'False', controlPlane))).toBe(true);
  });

  it('take out one that is excluded, and one that is gone', () => {
    const state = stateWith();
    const excluded = { 'node.kubernetes.io/exclude-from-external-load-balancers': '' };
    expect(nodes(state).set(node('one', '10.0.0.1', 'True', excluded))).toBe(true);
    expect(nodes(state).delete({ metadata: { name: 'two' } })).toBe(true);
    expect(nodes(state).delete({ metadata: { name: 'two' } })).toBe(false);
    expect(state.nodes.size).toBe(0);
  });
});

it('changes of endpoints matter only to Services with externalTrafficPolicy: Local', () => {
  const state = stateWith(service('any'), service('local', { externalTrafficPolicy: 'Local' }));
  const reducer = endpointSlices(state);
  expect(reducer.set(slice('any-1', 'any', 'one'))).toBe(false);
  expect(reducer.set(slice('local-1', 'local', 'one'))).toBe(true);
  expect(reducer.delete({ metadata: { name: 'any-1', namespace: 'shop' } })).toBe(false);
  expect(reducer.delete({ metadata: { name: 'local-1', namespace: 'shop' } })).toBe(true);
  expect(reducer.delete({ metadata: { name: 'local-1', namespace: 'shop' } })).toBe(false);
});

describe('decide', () => {
  const alive = (): boolean => true;

  it('gives an address to a Service and a node to the address', () => {
    const { placed, moved, services: changes } = decide(stateWith(service('web')), pool, alive);
    expect([...placed]).toEqual([['10.9.0.1', 'one']]);
    expect(moved).toEqual([['10.9.0.1', 'one']]);
    expect(changes).toMatchObject([
      { wish: { name: 'shop/web' }, addresses: ['10.9.0.1'], refusal: undefined },
    ]);
  });

  it('has nothing to change when all is as it should be', () => {
    const state = stateWith(service('web', {}, '10.9.0.1'));
    state.announced = { data: { two: '10.9.0.1' } };
    const { placed, moved, services: changes } = decide(state, pool, alive);
    expect([...placed]).toEqual([['10.9.0.1', 'two']]);
    expect(moved).toEqual([]);
    expect(changes).toMatchObject([{ addresses: undefined, refusal: undefined }]);
  });

  it('moves an address from a node whose agent is silent', () => {
    const state = stateWith(service('web', {}, '10.9.0.1'));
    state.announced = { data: { one: '10.9.0.1' } };
    expect(decide(state, pool, (address) => address !== '10.0.0.1').moved).toEqual([['10.9.0.1', 'two']]);
  });

  it('says why a Service gets none', () => {
    const state = stateWith(service('a', {}, '10.9.0.1'), service('b', {}, '10.9.0.2'), service('c'));
    expect(decide(state, pool, alive).services).toMatchObject([
      { refusal: undefined },
      { refusal: undefined },
      { addresses: undefined, refusal: 'none of the 2 IPv4 addresses for Services is free' },
    ]);
  });

  it('takes an address back from a Service that wants none any more', () => {
    const state = stateWith(service('web', { type: 'ClusterIP' }, '10.9.0.1'));
    expect(decide(state, pool, alive)).toMatchObject({ services: [{ addresses: [] }] });
  });
});
