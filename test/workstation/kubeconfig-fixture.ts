import { readFile } from 'node:fs/promises';

import { parse } from 'yaml';

import type { KubeconfigInput } from '../../src/formats/kubeconfig.ts';

/** As people have it: comments, extra fields, another cluster. */
export const existing = `# my clusters
apiVersion: v1
kind: Config
preferences: {}
clusters:
  - name: prod # careful
    cluster:
      server: https://prod.example
      extensions: [{ name: x, extension: {} }]
users:
  - name: me
    user: { token: "0123" }
contexts:
  - name: prod
    context: { cluster: prod, user: me, namespace: web }
current-context: prod
`;

export function entry(name: string, server = 'https://192.0.2.7:6443'): KubeconfigInput {
  return { name, server, authority: { pem: 'CA' }, certificate: { pem: 'CERT' }, key: { pem: 'KEY' } };
}

export async function namesIn(file: string) {
  interface Named {
    name: string;
  }
  const { clusters, users, contexts, ...rest } = parse(await readFile(file, 'utf8')) as Record<
    'clusters' | 'users' | 'contexts',
    Named[]
  > & { 'current-context': string };
  const names = (list: readonly Named[]): string[] => list.map(({ name }) => name);
  return {
    clusters: names(clusters),
    users: names(users),
    contexts: names(contexts),
    current: rest['current-context'],
  };
}
