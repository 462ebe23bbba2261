import { expect, it } from 'vitest';

import { modelOf } from '../../../src/agent/ingress/model.ts';
import type { IngressModel } from '../../../src/agent/ingress/model.ts';
import { renderProxy } from '../../../src/agent/ingress/render.ts';
import { classes, ownIngresses, services } from '../../../src/agent/ingress/state.ts';
import type { IngressState } from '../../../src/agent/ingress/state.ts';
import { anotherKey, ingress, knest, rule, service, setSecret, stateOf, tlsSecret } from './fixture.ts';

function model(state: IngressState): IngressModel {
  return modelOf(ownIngresses(state), state);
}

const routesOf = (state: IngressState): string[] =>
  model(state).routes.map(
    ({ host, path, exact, backend }) => `${exact ? '=' : ''}${host}${path} ${backend ?? 'none'}`,
  );
const problemsOf = (state: IngressState): Record<string, readonly string[]> =>
  Object.fromEntries(model(state).problems);

it('leads hosts and paths to the addresses of Services', () => {
  const state = stateOf(
    ingress('a', {
      rules: [
        rule('shop.example', '/=web:80', '/api/=api:http', '=/api/=web:80'),
        rule('*.shop.example', '/=api:80'),
        rule(undefined, '/x=web:80'),
      ],
    }),
  );
  expect(routesOf(state)).toEqual([
    'shop.example shop.web:80',
    'shop.example/api shop.api:80',
    '=shop.example/api/ shop.web:80',
    '*.shop.example shop.api:80',
    '/x shop.web:80',
  ]);
  expect(model(state).backends).toContainEqual({ name: 'shop.web:80', address: '10.96.0.10', port: 80 });
  expect(problemsOf(state)).toEqual({});
});

it('gives what two want to the older one, whatever their order', () => {
  const old = ingress('z', { rules: [rule('shop.example', '/=web:80')] }, { age: 10 });
  const young = ingress('a', { rules: [rule('shop.example', '/=api:80', '/more=api:80')] });
  for (const order of [
    [old, young],
    [young, old],
  ]) {
    const state = stateOf(...order);
    expect(routesOf(state)).toEqual(['shop.example shop.web:80', 'shop.example/more shop.api:80']);
    expect(problemsOf(state)).toEqual({ 'shop/a': ['shop.example/ is already led by Ingress shop/z'] });
  }
});

it('takes a default backend for what nothing else is said about', () => {
  const defaultBackend = { service: { name: 'api', port: { number: 80 } } };
  const ofItsHosts = ingress('hosts', { defaultBackend, rules: [rule('shop.example', '/x=web:80')] });
  expect(routesOf(stateOf(ofItsHosts))).toEqual(['shop.example/x shop.web:80', 'shop.example shop.api:80']);
  expect(routesOf(stateOf(ingress('all', { defaultBackend })))).toEqual([' shop.api:80']);
  // said by a rule, of a younger Ingress even
  const state = stateOf(
    ingress('all', { defaultBackend }, { age: 10 }),
    ingress('rule', { rules: [rule(undefined, '/=web:80')] }),
  );
  expect(routesOf(state)).toEqual([' shop.web:80']);
  expect(problemsOf(state)).toEqual({});
});

it.each([
  ['gone:80', 'there is no Service gone'],
  ['web:81', 'Service web has no TCP port 81'],
  ['web:https', 'Service web has no TCP port https'],
  ['outside:80', 'Service outside has no address of its own (ExternalName)'],
  ['pods:80', 'Service pods has no address of its own (headless)'],
])('keeps a path whose backend %s cannot be had, and says why', (backend, why) => {
  const state = stateOf(ingress('a', { rules: [rule('shop.example', `/x=${backend}`, '/=web:80')] }));
  services(state).set(service('pods', 'None'));
  services(state).set({ metadata: { name: 'outside', namespace: 'shop' }, spec: { type: 'ExternalName' } });
  expect(routesOf(state)).toEqual(['shop.example/x none', 'shop.example shop.web:80']);
  expect(problemsOf(state)).toEqual({ 'shop/a': [`shop.example/x: ${why}`] });
});

it('refuses backends that are no Services', () => {
  const resource = { kind: 'Bucket', name: 'b' };
  const state = stateOf(ingress('a', { defaultBackend: { resource } }));
  expect(problemsOf(state)).toEqual({ 'shop/a': ['/: Bucket b is no Service'] });
});

it.each([
  ['bad host\n', '/', 'Exact'],
  ['-x.example', '/', 'Exact'],
  ['a.*.example', '/', 'Prefix'],
  ['shop.example', '/a b', 'Exact'],
  ['shop.example', '/x\n# y', 'ImplementationSpecific'],
  ['shop.example', 'x', 'ImplementationSpecific'],
  ['shop.example', '/x(/|$)(.*)', 'ImplementationSpecific'],
])('leaves %j %j (%s) out, and nothing else', (host, path, pathType) => {
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const state = stateOf(
    ingress('bad', { rules: [{ host, http: { paths: [{ path, pathType, backend }] } }] }),
    ingress('good', { rules: [rule('shop.example', '/good=web:80')] }),
  );
  expect(routesOf(state)).toEqual(['shop.example/good shop.web:80']);
  expect(problemsOf(state)['shop/bad']).toHaveLength(1);
});

it('takes paths that are up to the controller as prefixes', () => {
  const paths = ['/x/', ''].map((path) => ({
    ...{ path, pathType: 'ImplementationSpecific' },
    backend: { service: { name: 'web', port: { number: 80 } } },
  }));
  expect(routesOf(stateOf(ingress('a', { rules: [{ http: { paths } }] })))).toEqual([
    '/x shop.web:80',
    ' shop.web:80',
  ]);
});

it('brings certificates, by the names that are said, else by their own', async () => {
  const { secret, withKey } = await tlsSecret('tls', 'shop.example');
  const state = stateOf(
    ingress('a', {
      tls: [{ hosts: ['shop.example', 'bad host'], secretName: 'tls' }, { hosts: ['x.example'] }],
    }),
    ingress('b', { tls: [{ secretName: 'tls' }, { secretName: 'gone' }, { secretName: 'wrong' }] }),
    ingress('c', { tls: [{ hosts: ['*.shop.example'], secretName: 'tls' }, { secretName: 'empty' }] }),
  );
  setSecret(state, secret);
  setSecret(state, { ...withKey(anotherKey()), metadata: { name: 'wrong', namespace: 'shop' } });
  setSecret(state, { ...secret, data: {}, metadata: { name: 'empty', namespace: 'shop' } });
  expect(model(state).certificates.map(({ name, hosts }) => [name, ...hosts])).toEqual([
    ['shop.tls', 'shop.example', '*.shop.example'],
    ['shop.tls'],
  ]);
  expect(problemsOf(state)).toEqual({
    'shop/a': ['"bad host" is no host'],
    'shop/b': [
      'there is no Secret gone of type kubernetes.io/tls',
      expect.stringMatching(/^Secret wrong: tls.crt and tls.key cannot be used: .*mismatch/),
    ],
    'shop/c': ['Secret empty: tls.crt or tls.key is empty'],
  });
});

it.each([
  [true, 'knest', {}],
  [true, 'mine', {}],
  [false, 'nginx', {}],
  [false, 'gone', {}],
  [true, undefined, { 'kubernetes.io/ingress.class': 'knest' }],
  [false, undefined, { 'kubernetes.io/ingress.class': 'nginx' }],
  [false, undefined, {}],
])('serves %s an Ingress of class %s with annotations %j', (expected, ingressClassName, annotations) => {
  const one = ingress('a', {}, { annotations });
  const state = stateOf({ ...one, spec: ingressClassName === undefined ? {} : { ingressClassName } });
  classes(state).set({ ...knest, metadata: { name: 'mine' } });
  classes(state).set({ metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } });
  expect(ownIngresses(state)).toHaveLength(expected ? 1 : 0);
});

it('serves those without a class while its own is the only default', () => {
  const state = stateOf({ ...ingress('a', {}), spec: {} });
  const asDefault = { annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } };
  classes(state).set({ ...knest, metadata: { name: 'knest', ...asDefault } });
  expect(ownIngresses(state)).toHaveLength(1);
  classes(state).set({
    metadata: { name: 'nginx', ...asDefault },
    spec: { controller: 'k8s.io/ingress-nginx' },
  });
  expect(ownIngresses(state)).toHaveLength(0);
});

it('is written for HAProxy', async () => {
  const { secret } = await tlsSecret('tls', 'shop.example');
  const state = stateOf(
    ingress('a', {
      rules: [
        rule('shop.example', '/=web:80', '=/api=api:80', '/gone=gone:80'),
        rule(undefined, '/x=web:80'),
      ],
      tls: [{ hosts: ['shop.example'], secretName: 'tls' }],
    }),
    ingress('b', { rules: [rule('*.shop.example', '/v6=six:80')] }),
  );
  setSecret(state, secret);
  services(state).set(service('six', 'fd00:10:96::6'));
  const files = renderProxy(model(state), {
    ...{ folder: '/run/knest-ingress/1', families: [4, 6], ports: { http: 80, https: 443 } },
    ...{ account: 'haproxy', fallback: 'FALLBACK\n' },
  });
  expect(files.get('shop.tls.pem')).toMatch(/^-----BEGIN CERTIFICATE[^]*PRIVATE KEY-----\n$/);
  const texts = [...files].filter(([file]) => file !== 'shop.tls.pem');
  expect(texts.map(([file, text]) => `--- ${file}\n${text}`).join('\n')).toMatchSnapshot();
});
