import { once } from 'node:events';
import { request } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, expect, it, vi } from 'vitest';

import { documents, resourceList } from '../../../src/agent/metrics/documents.ts';
import { serveMetrics } from '../../../src/agent/metrics/server.ts';
import { readAll } from '../../../src/clients/https.ts';
import { issuePki } from '../../../src/pki/issue.ts';
import type { KeyMaterial } from '../../../src/pki/issue.ts';
import { clientCertificate, frontProxyClient } from '../../../src/plan/components/pki-files.ts';
import { metricsServerName } from '../../../src/plan/manifests/metrics.ts';
import { planOf } from '../../fixtures/cluster.ts';

const root = '/apis/metrics.k8s.io/v1beta1';
let material: KeyMaterial;
let server: Server;

beforeAll(async () => {
  const { pki } = planOf();
  // signed by the right authority, and still somebody else
  const stranger = clientCertificate('stranger', 'stranger', [], 'front-proxy-ca');
  const certificates = [...pki.certificates, stranger];
  material = await issuePki({ ...pki, certificates }, new Map(), new Date());
  server = await serveMetrics(
    {
      ...{ cert: pem('knest-metrics.crt'), key: pem('knest-metrics.key'), ca: pem('front-proxy-ca.crt') },
      ...{ allowedNames: [frontProxyClient], port: 0 },
    },
    ({ pathname }) =>
      pathname === '/fails'
        ? Promise.reject(new Error('a bug'))
        : Promise.resolve({ status: 200, body: { asked: pathname } }),
  );
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

function pem(file: string): string {
  return material.get(file) ?? '';
}

const user = { 'x-remote-user': 'jane' };

interface Asking {
  /** Name of a certificate; "": none. */
  as?: string;
  headers?: Record<string, string>;
  method?: string;
}

async function ask(
  path: string,
  { as = frontProxyClient, headers = user, method = 'GET' }: Asking = {},
): Promise<{ status: number; text: string; etag: string | undefined }> {
  const { port } = server.address() as AddressInfo;
  const identity = as === '' ? {} : { cert: pem(`${as}.crt`), key: pem(`${as}.key`) };
  const outgoing = request({
    ...{ host: '127.0.0.1', port, path, method, headers },
    // as the API server knows it: by its name as a Service, signed by the cluster's authority
    ...{ servername: metricsServerName, ca: pem('ca.crt'), agent: false, ...identity },
  }).end();
  const [response] = (await once(outgoing, 'response')) as [Parameters<typeof readAll>[0]];
  const text = await readAll(response);
  return { status: response.statusCode ?? 0, text, etag: response.headers.etag };
}

it('answers the API server', async () => {
  expect(await ask(`${root}/nodes?limit=1`)).toMatchObject({
    status: 200,
    text: JSON.stringify({ asked: `${root}/nodes` }),
  });
});

it.each([
  ['nobody', ''],
  ['an administrator', 'admin'],
  ['a node', 'kubelet-knest-control-plane'],
])('gives %s who comes by himself no connection', async (_, as) => {
  await expect(ask(`${root}/nodes`, { as, headers: { 'x-remote-user': 'jane' } })).rejects.toThrow();
});

it.each([
  ['another name of the same authority', { as: 'stranger' }],
  ['an API server that does not say for whom it asks', { headers: {} }],
])('does not answer %s', async (_, options) => {
  expect((await ask(`${root}/nodes`, options)).status).toBe(401);
});

it('only reads, and tells nobody of its bugs but the journal', async () => {
  expect((await ask(`${root}/nodes`, { method: 'DELETE' })).status).toBe(405);
  const lines = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const { status, text } = await ask('/fails');
  expect(status).toBe(500);
  expect(text).not.toContain('a bug');
  expect(lines.mock.calls.flat().join()).toContain('a bug');
});

it('gives documents once to those who keep them', async () => {
  const { status, text, etag = '' } = await ask('/openapi/v2');
  expect(status).toBe(200);
  expect(JSON.parse(text)).toHaveProperty('swagger', '2.0');
  const again = await ask('/openapi/v2', { headers: { ...user, 'if-none-match': etag } });
  expect(again).toMatchObject({ status: 304, text: '' });
});

it('has a path and a definition for all that discovery lists', () => {
  for (const { kind } of resourceList.resources) {
    for (const [path, at] of [
      ['/openapi/v2', '#/definitions/'],
      [`/openapi/v3${root}`, '#/components/schemas/'],
    ] as const) {
      const text = JSON.stringify(documents[path]);
      expect(text).toContain(`"$ref":"${at}io.k8s.metrics.pkg.apis.metrics.v1beta1.${kind}"`);
      expect(text).toContain(`{"group":"metrics.k8s.io","version":"v1beta1","kind":"${kind}"}`);
    }
  }
  const document = documents['/openapi/v2'] as { paths: Record<string, { get: { operationId: string } }> };
  const ids = Object.values(document.paths).map(({ get }) => get.operationId);
  expect(new Set(ids).size).toBe(5);
  expect(ids).toContain('getMetricsNamespacesNamespacePodsName');
});
