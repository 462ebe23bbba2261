import { mkdtemp, rm, stat } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { hearOfPods, parseAnnouncement } from '../../../src/agent/network-policy/announce.ts';
import type { Announcement } from '../../../src/agent/network-policy/announce.ts';
import { podStore } from '../../../src/agent/network-policy/pods.ts';
import { runNetworkPolicy } from '../../../src/agent/network-policy/run.ts';
import { fakeApi } from '../fake-api.ts';
import { pod, policy } from './cluster.ts';

const variables = 'IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=u1';
/** As the bridge plugin of containernetworking-plugins 1.1 prints it, shortened. */
const result = JSON.stringify({
  cniVersion: '0.4.0',
  interfaces: [{ name: 'cni0', mac: '02:00:00:00:00:01' }],
  ips: [
    { version: '4', interface: 2, address: '10.0.1.7/24', gateway: '10.0.1.1' },
    { version: '6', interface: 2, address: 'fd00::7/64', gateway: 'fd00::1' },
  ],
  dns: {},
});
const announcement: Announcement = {
  ...{ namespace: 'shop', name: 'web', uid: 'u1' },
  addresses: ['10.0.1.7', 'fd00::7'],
};

function web(uid: string, addresses: readonly string[], phase = 'Pending') {
  return pod('shop/web', addresses, { metadata: { uid }, status: { phase } });
}

describe('what a CNI plugin says', () => {
  it('names the pod and its addresses', () => {
    expect(parseAnnouncement(variables, result)).toEqual(announcement);
  });

  it('may be of no pod', () => {
    expect(parseAnnouncement('', result)).toBeUndefined();
    expect(parseAnnouncement(variables, '{}')).toBeUndefined();
    expect(() => parseAnnouncement(variables, 'no JSON')).toThrow();
  });
});

describe('addresses', () => {
  const addressesOf = (store: ReturnType<typeof podStore>) => store.all().map(({ addresses }) => addresses);

  it('are those that were announced until the API server knows them, and then what it says', () => {
    const store = podStore();
    store.announce(announcement);
    expect(store.find(announcement)).toBeUndefined();
    store.set(web('u1', []));
    expect(addressesOf(store)).toEqual([announcement.addresses]);
    expect(store.set(web('u1', announcement.addresses))).toBe(false);
    expect(store.set(web('u1', ['10.0.1.8']))).toBe(true);
    expect(addressesOf(store)).toEqual([['10.0.1.8']]);
  });

  it('are the newer ones of a pod that got others', () => {
    const store = podStore();
    store.set(web('u1', ['10.0.1.1'], 'Running'));
    store.announce(announcement);
    expect(addressesOf(store)).toEqual([announcement.addresses]);
    store.set(web('u1', ['10.0.1.1'], 'Running'));
    expect(addressesOf(store)).toEqual([announcement.addresses]);
  });

  it('are of the pod that is meant, not of an earlier one of its name', () => {
    const store = podStore();
    store.set(web('u0', ['10.0.1.1'], 'Running'));
    store.announce(announcement);
    expect(store.find(announcement)).toBeUndefined();
    expect(addressesOf(store)).toEqual([['10.0.1.1']]);
    store.delete(web('u0', []));
    store.set(web('u1', []));
    expect(store.find(announcement)?.addresses).toEqual(announcement.addresses);
  });

  it('are given up when the pod has ended', () => {
    const store = podStore();
    store.set(web('u1', []));
    store.announce(announcement);
    store.set(web('u1', announcement.addresses, 'Failed'));
    expect(addressesOf(store)).toEqual([[]]);
  });
});

describe('a new pod', () => {
  let folder: string;
  let socket: string;
  beforeEach(async () => {
    vi.spyOn(console, 'log').mockImplementation(() => undefined);
    folder = await mkdtemp(join(tmpdir(), 'knest-announce-'));
    socket = join(folder, 'socket');
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(folder, { recursive: true });
  });

  const announce = (body = result): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { 'cni-args': variables };
      const outgoing = request({ socketPath: socket, path: '/pods', method: 'POST', headers }, (response) => {
        response.resume().on('end', () => {
          resolve(response.statusCode);
        });
      });
      outgoing.on('error', reject).end(body);
    });
  const start = () => {
    const api = fakeApi();
    const texts: string[] = [];
    const nft = async (text: string): Promise<void> => {
      await Promise.resolve();
      texts.push(text);
    };
    api.put('/api/v1/namespaces', { metadata: { name: 'shop' } });
    return {
      ...{ api, texts },
      enforce: () => runNetworkPolicy('one', { families: [4], socket }, api, nft),
    };
  };

  it('waits until its rules are there', async () => {
    const { api, texts, enforce } = start();
    api.put('/apis/networking.k8s.io/v1/networkpolicies', policy('shop/deny', {}));
    await enforce();
    const answer = announce();
    // the node's kubelet was faster than the watch
    api.put('/api/v1/pods', web('u1', []));
    expect(await answer).toBe(204);
    expect(texts.at(-1)).toContain('10.0.1.7 : jump ingress-1');
  });

  it('waits for nothing where there are no policies', async () => {
    const { texts, enforce } = start();
    await enforce();
    const before = texts.length;
    expect(await announce()).toBe(204);
    expect(texts).toHaveLength(before);
  });

  it('starts after a while, even if nobody knows it', async () => {
    const { api, enforce } = start();
    api.put('/apis/networking.k8s.io/v1/networkpolicies', policy('shop/deny', {}));
    await enforce();
    expect(await announce()).toBe(204);
  });

  it('starts even if what was said makes no sense', async () => {
    const heard = vi.fn();
    const server = await hearOfPods(socket, heard);
    expect(await announce('no JSON')).toBe(204);
    expect(heard).not.toHaveBeenCalled();
    server.close();
    await vi.waitFor(() => expect(stat(socket)).rejects.toThrow());
  });

  it('is heard of by the next agent, which takes the place of one that was killed', async () => {
    const first = await hearOfPods(socket, () => Promise.resolve());
    const heard = vi.fn(() => Promise.resolve());
    const second = await hearOfPods(socket, heard);
    expect(await announce()).toBe(204);
    expect(heard).toHaveBeenCalledWith(announcement);
    first.close();
    second.close();
  });
});
