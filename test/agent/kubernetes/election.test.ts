import { beforeEach, expect, it, vi } from 'vitest';

import { takePart } from '../../../src/agent/kubernetes/election.ts';
import type { LeaseObject } from '../../../src/clients/kubernetes/objects.ts';
import { fakeApi } from '../fake-api.ts';
import type { FakeApi } from '../fake-api.ts';

const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const times = { renewal: 50, silence: 400 };

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
});

/** An agent with a connection of its own to the same API server. */
function agent(api: FakeApi, identity: string, state = { needed: true, cut: false }) {
  const own: FakeApi = {
    ...api,
    replace: (path, object) => (state.cut ? Promise.reject(new Error('cut off')) : api.replace(path, object)),
  };
  const onLead = vi.fn();
  const taken = takePart(own, { name: 'work', identity, needed: () => state.needed, onLead, times });
  return { taken, onLead, state };
}

function holder(api: FakeApi): string | undefined {
  return (api.object(leases, 'work') as LeaseObject | undefined)?.spec?.holderIdentity;
}

it('gives the work to one, who keeps it', async () => {
  const api = fakeApi();
  const agents = ['a', 'b', 'c'].map((identity) => agent(api, identity));
  const elections = await Promise.all(agents.map(({ taken }) => taken));
  await vi.waitUntil(() => elections.some(({ leads }) => leads));
  const first = holder(api);
  await new Promise((resolve) => setTimeout(resolve, 2 * times.silence));
  expect(holder(api)).toBe(first);
  expect(elections.filter(({ leads }) => leads)).toHaveLength(1);
  expect(agents.reduce((sum, { onLead }) => sum + onLead.mock.calls.length, 0)).toBe(1);
});

it('gives it to another when the first is silent, who has stopped by then', async () => {
  const api = fakeApi();
  const a = agent(api, 'a');
  const first = await a.taken;
  await vi.waitUntil(() => first.leads);
  const second = await agent(api, 'b').taken;
  expect(second.leads).toBe(false);
  a.state.cut = true;
  await vi.waitUntil(() => {
    expect(first.leads && second.leads).toBe(false);
    return second.leads;
  });
  expect(holder(api)).toBe('b');
  a.state.cut = false;
  await new Promise((resolve) => setTimeout(resolve, times.silence));
  expect(first.leads).toBe(false);
});

it('writes nothing while there is nothing to do', async () => {
  const api = fakeApi();
  const a = agent(api, 'a', { needed: false, cut: false });
  const election = await a.taken;
  await new Promise((resolve) => setTimeout(resolve, 3 * times.renewal));
  expect(api.calls.filter((call) => !/^(GET|WATCH)/.test(call))).toEqual([]);
  a.state.needed = true;
  election.look();
  await vi.waitUntil(() => election.leads);
  a.state.needed = false;
  await vi.waitUntil(() => !election.leads);
});
