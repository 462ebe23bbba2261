import { generateKeyPairSync } from 'node:crypto';

import { classes, emptyState, ingresses, secrets, services } from '../../../src/agent/ingress/state.ts';
import type { IngressState } from '../../../src/agent/ingress/state.ts';
import type { IngressObject, IngressPathObject } from '../../../src/clients/kubernetes/objects.ts';
import { issuePki } from '../../../src/pki/issue.ts';

/** "/shop=web:80" is a prefix, "=/shop=web:http" exactly that; what is after the colon is a port or its name. */
export function path(text: string): IngressPathObject {
  const [, exact = '', path = '', service = '', port = ''] = /^(=?)(\/.*?)=([^=:]+):(\w+)$/.exec(text) ?? [];
  return {
    ...{ path, pathType: exact === '' ? 'Prefix' : 'Exact' },
    backend: {
      service: { name: service, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } },
    },
  };
}

export function ingress(
  name: string,
  spec: IngressObject['spec'],
  { age = 0, ...metadata }: { age?: number } & IngressObject['metadata'] = {},
): IngressObject {
  const creationTimestamp = new Date(Date.UTC(2026, 0, 1) - age * 1000).toISOString();
  return {
    metadata: { name, namespace: 'shop', uid: `uid-of-${name}`, creationTimestamp, ...metadata },
    spec: { ingressClassName: 'knest', ...spec },
  };
}

export function rule(host: string | undefined, ...paths: string[]) {
  return { ...(host === undefined ? {} : { host }), http: { paths: paths.map(path) } };
}

/** With class knest, and Services web and api of namespace shop. */
export function stateOf(...known: IngressObject[]): IngressState {
  const state = emptyState();
  classes(state).set(knest);
  for (const [name, clusterIP] of Object.entries({ web: '10.96.0.10', api: '10.96.0.11' }))
    services(state).set(service(name, clusterIP));
  for (const one of known) ingresses(state).set(one);
  return state;
}

export const knest = { metadata: { name: 'knest' }, spec: { controller: 'knest.dev/ingress' } };

export function service(name: string, clusterIP: string, port = 80) {
  return {
    metadata: { name, namespace: 'shop' },
    spec: { type: 'ClusterIP', clusterIP, ports: [{ name: 'http', port, protocol: 'TCP' }] },
  };
}

/** A TLS Secret for these names, signed by an authority of its own. */
export async function tlsSecret(name: string, ...dnsNames: string[]) {
  const issued = await issuePki(
    {
      authorities: [{ name: 'ca', commonName: `authority of ${name}` }],
      certificates: [
        {
          ...{ name: 'own', authority: 'ca', commonName: dnsNames[0] ?? name, organizations: [] },
          ...{ usages: ['server'], dnsNames, ipAddresses: [] },
        },
      ],
      keyPairs: [],
    },
    new Map(),
    new Date(),
  );
  const text = (file: string): string => issued.get(file) ?? '';
  const secret = (certificate: string, key: string) => ({
    ...{ metadata: { name, namespace: 'shop' }, type: 'kubernetes.io/tls' },
    data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) },
  });
  return {
    secret: secret(text('own.crt'), text('own.key')),
    ca: text('ca.crt'),
    withKey: (key: string) => secret(text('own.crt'), key),
  };
}

export function anotherKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
}

export function setSecret(
  state: IngressState,
  secret: Parameters<ReturnType<typeof secrets>['set']>[0],
): void {
  secrets(state).set(secret);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
