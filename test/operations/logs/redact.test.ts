import { generateKeyPairSync } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { redactor, withoutSecretData } from '../../../src/operations/logs/redact.ts';
import { clusterSpec, planOf } from '../../fixtures/cluster.ts';

const pemOf = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
const key = pemOf();
const foreign = pemOf();
const spec = {
  ...clusterSpec(),
  rootPassword: '$6$salt$hash/of.it',
  registries: [
    {
      ...{ host: 'r.example', mirrors: [], ca: undefined, skipVerify: false },
      credentials: { username: 'ann', password: 'pa"ss wörd' },
    },
  ],
};
const redact = redactor(
  spec,
  new Map([
    ['ca.key', key],
    ['ca.crt', '-----BEGIN CERTIFICATE-----\nMIIB\n'],
  ]),
);

describe('texts for others lose', () => {
  it.each([
    ['keys of the cluster', key],
    ['keys of anybody', foreign],
    ['keys as a kubeconfig has them', `client-key-data: ${Buffer.from(key).toString('base64')}`],
    ['a line of a key', `grep found: ${key.split('\n')[1] ?? ''}`],
    ['passwords', 'login with pa"ss wörd failed'],
    ['passwords in a URL', `https://ann:${encodeURIComponent('pa"ss wörd')}@r.example`],
    ['hashes', 'root:$6$salt$hash/of.it:19000::::::'],
    ['tokens of service accounts', `token: eyJ${'a'.repeat(20)}.${'b'.repeat(40)}.${'c'.repeat(40)}`],
    ['headers', 'Authorization: Bearer 0123456789abcdef0123'],
    ['bootstrap tokens', 'kubeadm join --token abcdef.0123456789abcdef'],
  ])('%s', (_what, text) => {
    const secrets = [
      ...[key, foreign].flatMap((pem) => pem.split('\n').filter((line) => /^[\w+/]{20,}/.test(line))),
      ...[Buffer.from(key).toString('base64'), 'pa"ss wörd', encodeURIComponent('pa"ss wörd')],
      ...['$6$salt$hash/of.it', 'eyJaaaa', '0123456789abcdef'],
    ];
    expect(secrets.filter((secret) => text.includes(secret))).not.toEqual([]);
    const redacted = redact(text);
    expect(secrets.filter((secret) => redacted.includes(secret))).toEqual([]);
    expect(redacted).toMatch(/<(secret|private key|token)>/);
  });

  it('and nothing else', () => {
    const texts = [
      'I1127 09:21:00.1 120 server.go:416] Version: v1.20.2',
      '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
      'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
    ];
    for (const text of texts) expect(redact(text)).toBe(text);
  });
});

describe('Secrets in manifests', () => {
  const key = 'line one\nline "two"\n';
  const secret = {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'Opaque' },
    metadata: { name: 'login', annotations: { last: '{"stringData":{"pin":"7"}}' } },
    data: { password: Buffer.from('correct horse').toString('base64') },
    stringData: { pin: '7', key },
  };
  const list = { apiVersion: 'v1', kind: 'List', metadata: { name: 'l' }, items: [secret] };
  const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { colour: 'blue' } };
  const spec = clusterSpec({ manifests: [{ from: '/m.yaml', objects: [secret, list, config] }] });

  it('are known by what they hold, wherever it is said', () => {
    const hide = redactor(spec, new Map());
    expect(hide('env: correct horse')).toBe('env: <secret>');
    expect(hide(`data: ${secret.data.password}`)).toBe('data: <secret>');
    expect(hide(JSON.stringify({ key }))).toBe('{"key":"<secret>"}');
  });

  it('have only their names in the plan', () => {
    const plan = planOf({ spec });
    const text = JSON.stringify(withoutSecretData(plan));
    expect(JSON.stringify(plan)).toContain(secret.data.password);
    for (const hidden of [secret.data.password, 'line one', 'pin\\\\\\":'])
      expect(text).not.toContain(hidden);
    expect(text.match(/<secret>/g)).toHaveLength(8);
    expect(text).toContain('login');
    expect(text).toContain('blue');
  });

  it('of no cluster without manifests', () => {
    expect(withoutSecretData(planOf())).toEqual(planOf());
  });
});
