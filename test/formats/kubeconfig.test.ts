import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { kubeconfigObject, renderKubeconfig } from '../../src/formats/kubeconfig.ts';

const named = { name: 'knest-dev', server: 'https://192.0.2.7:6443' };
const files = { authority: { file: '/ca.crt' }, certificate: { file: '/me.crt' }, key: { file: '/me.key' } };
const pems = { authority: { pem: 'CA\n' }, certificate: { pem: 'ME\n' }, key: { pem: 'KEY\n' } };

describe('kubeconfig', () => {
  it('names cluster, user and context alike and makes the context current', () => {
    expect(kubeconfigObject({ ...named, ...files })).toMatchObject({
      clusters: [{ name: 'knest-dev', cluster: { server: named.server } }],
      users: [{ name: 'knest-dev' }],
      contexts: [{ name: 'knest-dev', context: { cluster: 'knest-dev', user: 'knest-dev' } }],
      'current-context': 'knest-dev',
    });
  });

  it('refers to files, or holds the material itself in base64', () => {
    const { clusters, users } = kubeconfigObject({ ...named, ...files });
    expect(clusters[0]?.cluster).toEqual({ server: named.server, 'certificate-authority': '/ca.crt' });
    expect(users[0]?.user).toEqual({ 'client-certificate': '/me.crt', 'client-key': '/me.key' });
    const inline = kubeconfigObject({ ...named, ...pems });
    expect(inline.clusters[0]?.cluster).toEqual({
      server: named.server,
      'certificate-authority-data': 'Q0EK',
    });
    expect(inline.users[0]?.user).toEqual({
      'client-certificate-data': 'TUUK',
      'client-key-data': 'S0VZCg==',
    });
  });

  it('survives YAML, long lines unbroken', () => {
    const input = { ...named, ...pems, authority: { pem: 'x'.repeat(3000) } };
    const text = renderKubeconfig(input);
    expect(parse(text)).toEqual(kubeconfigObject(input));
    expect(text).toMatch(/^ {6}certificate-authority-data: \S{4000}$/m);
  });
});
