import { describe, expect, it } from 'vitest';

import {
  dns,
  emptyState,
  namespaces,
  pods,
  policies,
  rulesFor,
} from '../../../src/agent/network-policy/state.ts';
import { waitFor } from '../../../src/agent/network-policy/wait-for.ts';

const pod = {
  metadata: { name: 'web', namespace: 'shop', uid: 'u1', labels: { app: 'web' } },
  spec: { nodeName: 'one' },
  status: { phase: 'Running', podIP: '10.244.0.5' },
};
const policy = { metadata: { name: 'deny', namespace: 'shop' }, spec: { podSelector: {} } };

describe('rulesFor', () => {
  it('are none without policies, and none again when the last one goes', () => {
    const state = emptyState();
    pods(state).set(pod);
    namespaces(state).set({ metadata: { name: 'shop' } });
    expect(rulesFor(state, 'one', [4])).toBeUndefined();
    expect(policies(state).set(policy)).toBe(true);
    expect(rulesFor(state, 'one', [4])).toBeDefined();
    expect(policies(state).delete(policy)).toBe(true);
    expect(rulesFor(state, 'one', [4])).toBeUndefined();
  });

  it('follow pods, namespaces and DNS', () => {
    const state = emptyState();
    policies(state).set(policy);
    const rules = (): string =>
      JSON.stringify(rulesFor(state, 'one', [4]), (_, value: unknown) =>
        value instanceof Set ? [...value] : value,
      );
    const before = rules();
    namespaces(state).set({ metadata: { name: 'shop' } });
    pods(state).set(pod);
    expect(rules()).toContain('10.244.0.5');
    pods(state).delete(pod);
    expect(rules()).toBe(before);
  });
});

describe('a change', () => {
  it('of a pod matters when it changes who may talk to whom', () => {
    const reducer = pods(emptyState());
    expect(reducer.set(pod)).toBe(true);
    expect(reducer.set({ ...pod, metadata: { ...pod.metadata, resourceVersion: '9' } })).toBe(false);
    expect(reducer.set({ ...pod, status: { ...pod.status, podIP: '10.244.0.6' } })).toBe(true);
  });

  it('of what was never there does not matter', () => {
    const state = emptyState();
    expect(policies(state).delete(policy)).toBe(false);
    expect(namespaces(state).delete({ metadata: { name: 'shop' } })).toBe(false);
  });

  it('of the Service kube-dns replaces all that was known of it', () => {
    const state = emptyState();
    const port = { name: 'dns', port: 53, protocol: 'UDP' };
    dns(state).set({ subsets: [{ addresses: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }], ports: [port] }] });
    expect(state.dns.map(({ address }) => address)).toEqual(['10.0.0.1', '10.0.0.2']);
    dns(state).delete({});
    expect(state.dns).toEqual([]);
  });
});

describe('waitFor', () => {
  it('waits until a look finds it so', async () => {
    let isSo = false;
    let ended = false;
    const { look, until } = waitFor(60_000);
    const waiting = until(() => isSo).then(() => {
      ended = true;
    });
    look();
    await Promise.resolve();
    expect(ended).toBe(false);
    isSo = true;
    look();
    await waiting;
    expect(ended).toBe(true);
  });

  it('does not wait for what is so already, nor for longer than it may', async () => {
    await waitFor(60_000).until(() => true);
    const started = performance.now();
    await waitFor(20).until(() => false);
    expect(performance.now() - started).toBeGreaterThan(10);
  });
});
