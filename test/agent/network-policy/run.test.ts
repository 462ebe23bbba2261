import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { filterBridge } from '../../../src/agent/network-policy/bridge-netfilter.ts';
import { keepRules } from '../../../src/agent/network-policy/keep-rules.ts';
import { runNetworkPolicy } from '../../../src/agent/network-policy/run.ts';
import { fakeApi } from '../fake-api.ts';
import type { FakeApi } from '../fake-api.ts';
import { pod, policy, rulesOn } from './cluster.ts';

const policies = '/apis/networking.k8s.io/v1/networkpolicies';
const pods = '/api/v1/pods';
const namespaces = '/api/v1/namespaces';
const endpoints = '/api/v1/namespaces/kube-system/endpoints';
const gone = 'table inet knest_policy\ndelete table inet knest_policy\n';

describe('policies of a cluster', () => {
  let api: FakeApi;
  let texts: string[];
  let fail: Error | undefined;
  let folder: string;
  const nft = async (text: string): Promise<void> => {
    await Promise.resolve();
    if (fail) throw fail;
    texts.push(text);
  };
  const start = () => runNetworkPolicy('one', { families: [4], socket: join(folder, 'socket') }, api, nft);
  const said = (text: string) =>
    vi.waitFor(() => {
      expect(texts.at(-1)).toContain(text);
    });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'knest-policy-'));
    vi.spyOn(console, 'log').mockImplementation(() => undefined);
    api = fakeApi();
    texts = [];
    fail = undefined;
    api.put(namespaces, { metadata: { name: 'shop' } });
    api.put(pods, pod('shop/web', '10.0.1.1'));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  it('are all that is watched while there are none', async () => {
    await start();
    expect(new Set(api.calls.map((call) => call.split('?')[0]))).toEqual(
      new Set([`GET ${policies}`, `WATCH ${policies}`]),
    );
    // what an earlier agent may have left
    expect(texts).toEqual([gone]);
  });

  it('are enforced from the first one on, and no more after the last', async () => {
    await start();
    api.put(policies, policy('shop/deny', {}));
    await said('10.0.1.1 : jump ingress-1');
    api.put(pods, pod('shop/next', '10.0.1.2'));
    await said('add element inet knest_policy ingress-ip { 10.0.1.2 : jump ingress-1 }');
    api.remove(policies, 'deny');
    await vi.waitFor(() => {
      expect(texts.at(-1)).toBe(gone);
    });
  });

  it('are enforced before it says that it is ready, and all at once', async () => {
    api.put(policies, policy('shop/deny', {}));
    api.put(policies, policy('shop/allow', { ingress: [{}] }));
    await start();
    expect(texts).toHaveLength(1);
    expect(texts[0]).toContain('10.0.1.1 : jump ingress-1');
  });

  it('follow labels of namespaces and the addresses of the DNS', async () => {
    const to = [{ namespaceSelector: { matchLabels: { team: 'red' } } }];
    api.put(policies, policy('shop/out', { policyTypes: ['Egress'], egress: [{ to }] }));
    await start();
    expect(texts[0]).not.toContain('add element inet knest_policy pods-1-ip');
    api.put(namespaces, { metadata: { name: 'shop', labels: { team: 'red' } } });
    await said('pods-1-ip { 10.0.1.1 }');
    api.put(namespaces, { metadata: { name: 'kube-system', labels: { team: 'red' } } });
    const dns = {
      metadata: { name: 'kube-dns' },
      subsets: [{ addresses: [{ ip: '172.16.0.1' }], ports: [{ port: 53, protocol: 'UDP' }] }],
    };
    api.put(endpoints, dns);
    await said('172.16.0.1 . udp . 53');
  });

  it('do not ask nft about changes that make no difference', async () => {
    api.put(policies, policy('shop/deny', {}));
    await start();
    api.put(pods, pod('shop/web', '10.0.1.1', { metadata: { annotations: { seen: 'yes' } } }));
    api.put(pods, pod('shop/last', '10.0.1.9'));
    await said('10.0.1.9');
    expect(texts).toHaveLength(2);
  });

  it('are made as a whole again after nft has failed', async () => {
    api.put(policies, policy('shop/deny', {}));
    await start();
    fail = new Error('no such table');
    api.put(pods, pod('shop/next', '10.0.1.2'));
    await vi.waitFor(() => {
      expect(console.log).toHaveBeenCalledWith(expect.stringContaining('no such table'));
    });
    fail = undefined;
    await said('10.0.1.2');
    expect(texts.at(-1)).toContain('delete table');
    expect(texts.at(-1)).toContain('10.0.1.1');
  });
});

it('makes changes one at a time, and none is forgotten', async () => {
  let running = 0;
  let wanted = 0;
  const seen: number[] = [];
  const rulesets = ['10.0.1.1', '10.0.1.2', '10.0.1.3', '10.0.1.4'].map((address) =>
    rulesOn({ pods: [pod('shop/web', address)], policies: [policy('shop/deny', {})], families: [4] }),
  );
  const rules = keepRules(
    () => rulesets[wanted],
    async () => {
      expect((running += 1)).toBe(1);
      seen.push(wanted);
      // while nft works
      if (wanted < 3) {
        wanted += 1;
        rules.changed();
      }
      await Promise.resolve();
      running -= 1;
    },
    0,
  );
  rules.changed();
  rules.changed();
  await rules.settled();
  expect(seen).toEqual([0, 1, 2, 3]);
  wanted = 0;
  rules.changed();
  await rules.settled();
  expect(seen.slice(4)).toEqual([0, 1, 2, 3]);
});

describe('the bridge of the pods', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'knest-bridge-'));
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  it('is made to show its packets to nftables', async () => {
    await writeFile(join(folder, 'bridge-nf-call-iptables'), '0\n');
    await writeFile(join(folder, 'bridge-nf-call-ip6tables'), '1\n');
    await filterBridge([4, 6], folder);
    expect(await readFile(join(folder, 'bridge-nf-call-iptables'), 'utf8')).toBe('1');
    expect(await readFile(join(folder, 'bridge-nf-call-ip6tables'), 'utf8')).toBe('1\n');
  });

  it('is complained about where it cannot', async () => {
    const lines = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    await filterBridge([4], folder);
    expect(lines).toHaveBeenCalledWith(expect.stringMatching(/^<4>.*NOT enforced.*modprobe br_netfilter/));
  });
});
