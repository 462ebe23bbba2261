import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';

import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import type { Proxy } from '../../../src/agent/ingress/proxy.ts';
import { runIngress } from '../../../src/agent/ingress/run.ts';
import type { EventObject, IngressObject } from '../../../src/clients/kubernetes/objects.ts';
import { fakeApi } from '../fake-api.ts';
import type { FakeApi } from '../fake-api.ts';
import { ingress, knest, rule, service } from './fixture.ts';

const networking = '/apis/networking.k8s.io/v1';
/** All namespaces at once for the watch, one of them for writing. */
const all = `${networking}/ingresses`;
const shop = `${networking}/namespaces/shop/ingresses`;
let api: FakeApi;
let folder: string;
/** Maps, by what the proxy goes by now. */
let used: string | undefined;
/** What the proxy does not take. */
let poison: string | undefined;

const proxy: Proxy = {
  check: (render) => {
    const text = [...render('F').values()].join('');
    return Promise.resolve(poison !== undefined && text.includes(poison) ? 'it is poison' : undefined);
  },
  use: (render) => {
    const files = render('F');
    const now = `${files.get('exact.map') ?? ''}${files.get('prefix.map') ?? ''}`;
    used = now;
    return Promise.resolve();
  },
};

/** On a busy machine everything takes its time. */
const until = (isSo: () => boolean) => vi.waitUntil(isSo, 20_000);

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined);
  [used, poison] = [undefined, undefined];
  folder = mkdtempSync(`${tmpdir()}/knest-ingress-`);
  for (const file of ['crt', 'key']) writeFileSync(`${folder}/${file}`, `${file}\n`);
  const fake = fakeApi();
  api = {
    ...fake,
    // what is written in the namespace is seen by those who watch all of them
    patch: async (path, changes) => {
      await fake.patch(path.replace(shop, all), changes);
    },
  };
  api.put(`${networking}/ingressclasses`, knest);
  api.put('/api/v1/services', service('web', '10.96.0.10'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function start(node = 'control-plane'): Promise<void> {
  const config = {
    ...{ address: '10.89.0.2', families: [4 as const] },
    ...{ certificate: `${folder}/crt`, key: `${folder}/key` },
  };
  await runIngress(node, config, api, { proxy, times: { renewal: 30, silence: 300 } });
  await until(() => api.calls.some((call) => call.startsWith(`WATCH ${all}?`)));
}

const put = (object: IngressObject): void => {
  api.put(all, object);
};
const statusOf = (name: string) =>
  (api.object(all, name) as IngressObject | undefined)?.status?.loadBalancer?.ingress;
const events = () => api.calls.filter((call) => call === 'POST /api/v1/namespaces/shop/events').length;
const web = (name: string, host: string, metadata = {}) =>
  ingress(name, { rules: [rule(host, '/=web:80')] }, metadata);

it('starts the proxy and asks for nothing else in a cluster without Ingresses', async () => {
  await start();
  expect(used).toBe('');
  expect(api.calls.filter((call) => /services|secrets|PATCH|POST|PUT/.test(call))).toEqual([]);
});

it('serves what is there before it says that it is ready', async () => {
  put(web('a', 'a.example'));
  await start();
  expect(used).toBe('a.example/ shop.web:80\n');
  await until(() => statusOf('a')?.[0]?.ip === '10.89.0.2');
});

it('follows Ingresses and Services that come and go', async () => {
  await start();
  put(web('a', 'a.example'));
  await until(() => used === 'a.example/ shop.web:80\n');
  api.remove('/api/v1/services', 'web');
  await until(() => used === 'a.example/ unavailable\n');
  api.put('/api/v1/services', service('web', '10.96.0.10', 8080));
  await until(() => used === 'a.example/ unavailable\n');
  api.put('/api/v1/services', service('web', '10.96.0.11'));
  await until(() => used === 'a.example/ shop.web:80\n');
  api.remove(all, 'a');
  await until(() => used === '');
});

it('reads only Secrets that hold certificates', async () => {
  put(web('a', 'a.example'));
  await start();
  const secrets = api.calls.filter((call) => call.includes('/secrets'));
  expect(secrets.length).toBeGreaterThan(0);
  for (const call of secrets) expect(call).toContain('fieldSelector=type%3Dkubernetes.io%2Ftls');
});

it('leaves the Ingresses of others alone, and takes its address back from one that was its own', async () => {
  put({ ...web('other', 'o.example'), spec: { ingressClassName: 'nginx' } });
  put(web('a', 'a.example', { managedFields: [{ manager: 'knest-ingress' }] }));
  await start();
  await until(() => statusOf('a')?.[0]?.ip === '10.89.0.2');
  expect(statusOf('other')).toBeUndefined();
  put({ ...(api.object(all, 'a') as IngressObject), spec: { ingressClassName: 'nginx' } });
  await until(() => (statusOf('a') ?? []).length === 0);
  expect(used).toBe('');
});

it('does not insist on a status that somebody else has changed', async () => {
  put(web('a', 'a.example'));
  await start();
  await until(() => statusOf('a') !== undefined);
  const written = api.calls.filter((call) => call.startsWith('PATCH')).length;
  put({
    ...(api.object(all, 'a') as IngressObject),
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } },
  });
  put(web('b', 'b.example'));
  await until(() => statusOf('b') !== undefined);
  expect(statusOf('a')).toEqual([{ ip: '192.0.2.7' }]);
  expect(api.calls.filter((call) => call.startsWith('PATCH'))).toHaveLength(written + 1);
});

it('keeps the others when the proxy refuses one, says so once, and takes it when it is mended', async () => {
  poison = 'bad.example';
  put(web('old', 'old.example', { age: 10 }));
  put(web('bad', 'bad.example', { age: 5 }));
  put(web('young', 'young.example'));
  await start();
  expect(used).toBe('old.example/ shop.web:80\nyoung.example/ shop.web:80\n');
  await until(() => events() === 1);
  put(web('more', 'more.example'));
  await until(() => used?.includes('more.example') === true && statusOf('more') !== undefined);
  expect(events()).toBe(1);
  put(web('bad', 'good.example'));
  await until(() => used?.includes('good.example') === true && events() === 2);
});

it('tells of a missing Service by an event, by one agent only', async () => {
  put(ingress('a', { rules: [rule('a.example', '/=gone:80')] }));
  await Promise.all([start('one'), start('two')]);
  await until(() => statusOf('a') !== undefined && events() === 1);
  const [told] = eventsOf(api);
  expect(told).toMatchObject({
    ...{ type: 'Warning', reason: 'Rejected', message: 'a.example/: there is no Service gone' },
    involvedObject: { kind: 'Ingress', name: 'a', namespace: 'shop', uid: 'uid-of-a' },
  });
  expect(events()).toBe(1);
});

/** They have no name before the API server gives them one; the one in memory keeps the last. */
function eventsOf(fake: FakeApi): EventObject[] {
  return [fake.object('/api/v1/namespaces/shop/events', '') as EventObject];
}

it('goes on as before while the proxy cannot be told', async () => {
  let broken = true;
  const failing: Proxy = {
    check: (render) => proxy.check(render),
    use: (render) => (broken ? Promise.reject(new Error('no systemd')) : proxy.use(render)),
  };
  put(web('a', 'a.example'));
  const config = {
    ...{ address: '10.89.0.2', families: [4 as const] },
    ...{ certificate: `${folder}/crt`, key: `${folder}/key` },
  };
  const ready = runIngress('one', config, api, { proxy: failing, times: { renewal: 30, silence: 300 } });
  await until(() => vi.mocked(console.log).mock.calls.flat().join('').includes('no systemd'));
  expect(statusOf('a')).toBeUndefined();
  broken = false;
  await ready;
  expect(used).toBe('a.example/ shop.web:80\n');
});
