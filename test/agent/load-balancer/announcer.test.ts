import { beforeEach, expect, it, vi } from 'vitest';

import { runAnnouncer } from '../../../src/agent/load-balancer/announcer.ts';
import type { NodeLink } from '../../../src/agent/load-balancer/link.ts';
import { fakeApi } from '../fake-api.ts';
import type { FakeApi } from '../fake-api.ts';

const path = '/api/v1/namespaces/kube-system/configmaps';
const own = '10.0.0.2';
let api: FakeApi;
let onLink: Set<string>;
let told: string[];
let changes: number;
let start: () => Promise<void>;

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  api = fakeApi();
  ({ onLink, told, start } = newNode(api));
  changes = 0;
});

/** Of its own for each test: an announcer works until the process ends. */
function newNode(at: FakeApi) {
  const present = new Set([own, 'fe80::1']);
  const said: string[] = [];
  const link: NodeLink = {
    addresses: () => [...present],
    change: ({ remove, keep }) => {
      if (at === api) changes += 1;
      for (const address of remove) present.delete(address);
      for (const address of keep) present.add(address);
      return Promise.resolve();
    },
    tellOthers: (address) => {
      said.push(address);
    },
  };
  const times = { look: 30, lifetime: 100 };
  const pool = ['10.0.0.200-10.0.0.210', 'fd00::1-fd00::9'];
  return {
    onLink: present,
    told: said,
    start: async () => {
      await runAnnouncer(at, { node: 'one', pool, link, times });
      // what happens before that the API server in memory tells nobody
      await vi.waitUntil(() => at.calls.some((call) => call.startsWith('WATCH')));
    },
  };
}

function announce(data: Record<string, string>): void {
  api.put(path, { metadata: { name: 'knest-load-balancer' }, data } as never);
}

it('answers for what is its own, tells others once, and gives up what is not', async () => {
  await start();
  announce({ one: '10.0.0.200 fd00::1', two: '10.0.0.201' });
  await vi.waitUntil(() => onLink.size === 4);
  expect([...onLink]).toEqual([own, 'fe80::1', '10.0.0.200', 'fd00::1']);
  announce({ one: 'fd00::1', two: '10.0.0.200 10.0.0.201' });
  await vi.waitUntil(() => onLink.size === 3);
  expect(told).toEqual(['10.0.0.200', 'fd00::1']);
  api.remove(path, 'knest-load-balancer');
  await vi.waitUntil(() => onLink.size === 2);
});

it('takes away what an earlier life has left, when it knows what is its own', async () => {
  onLink.add('10.0.0.205').add('10.0.0.206');
  announce({ one: '10.0.0.206', two: '10.0.0.205' });
  await start();
  await vi.waitUntil(() => !onLink.has('10.0.0.205'));
  expect(onLink.has('10.0.0.206')).toBe(true);
  expect(told).toEqual([]);
});

it('puts an address back that somebody has taken away, and lets it last', async () => {
  announce({ one: '10.0.0.200' });
  await start();
  await vi.waitUntil(() => onLink.has('10.0.0.200'));
  const before = changes;
  await vi.waitUntil(() => changes > before + 2);
  onLink.delete('10.0.0.200');
  await vi.waitUntil(() => onLink.has('10.0.0.200'));
  expect(told).toEqual(['10.0.0.200', '10.0.0.200']);
});

it('never puts anything on the link that is not of the pool', async () => {
  announce({ one: '10.0.0.1 10.0.0.200' });
  await start();
  await vi.waitUntil(() => onLink.has('10.0.0.200'));
  expect(onLink.has('10.0.0.1')).toBe(false);
  announce({});
  await vi.waitUntil(() => !onLink.has('10.0.0.200'));
  expect(onLink.has(own)).toBe(true);
});
