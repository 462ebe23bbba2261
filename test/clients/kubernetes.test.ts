import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { localHost } from '../../src/host/local.ts';
import { apiClient, ApiError } from '../../src/clients/kubernetes.ts';
import type { ApiClient } from '../../src/clients/kubernetes.ts';
import { issuePki } from '../../src/pki/issue.ts';
import type { KeyMaterial } from '../../src/pki/issue.ts';
import { planOf } from '../fixtures/cluster.ts';
import { startApiServer } from '../fixtures/api-server.ts';
import type { TestApiServer } from '../fixtures/api-server.ts';

let material: KeyMaterial;
let server: TestApiServer;
let client: ApiClient;

beforeAll(async () => {
  material = await issuePki(planOf().pki, new Map(), new Date());
});

afterEach(async () => {
  client.close();
  await server.close();
});

describe('apiClient', () => {
  it('asks as the certificate’s user, and reads JSON or text', async () => {
    await start(({ path }) => ({ body: path === '/readyz' ? 'ok' : { kind: 'NodeList', items: [] } }));
    expect(await client.get('/readyz')).toBe('ok');
    expect(await client.get('/api/v1/nodes?limit=1')).toEqual({ kind: 'NodeList', items: [] });
    expect(server.requests).toMatchObject([
      { method: 'GET', path: '/readyz', user: 'kubernetes-admin/system:masters' },
      { method: 'GET', path: '/api/v1/nodes?limit=1' },
    ]);
  });

  it('sends a merge patch', async () => {
    await start(() => ({ body: {} }));
    await client.mergePatch('/api/v1/nodes/n', { metadata: { labels: { a: 'ä' } } });
    expect(server.requests[0]).toMatchObject({
      method: 'PATCH',
      contentType: 'application/merge-patch+json',
      body: '{"metadata":{"labels":{"a":"ä"}}}',
    });
  });

  it.each([
    [404, { kind: 'Status', message: 'nodes "n" not found' }, 'nodes "n" not found'],
    [500, 'internal error', 'internal error'],
    [503, '{"broken', '{"broken'],
    [403, { kind: 'Status' }, '{"kind":"Status"}'],
  ])('throws for status %i what the server said', async (status, body, message) => {
    await start(() => ({ status, body }));
    const failure = client.get('/api/v1/nodes/n');
    await expect(failure).rejects.toBeInstanceOf(ApiError);
    await expect(failure).rejects.toMatchObject({
      status,
      message: `API server: GET /api/v1/nodes/n: ${status} ${message}`,
    });
  });

  it('does not wait for ever', async () => {
    await start(() => undefined, { timeout: 100 });
    await expect(client.get('/readyz')).rejects.toThrow('no answer within 0.1 s');
  });

  it('fails when nobody listens', async () => {
    await start(() => ({}));
    const nobody = apiClient(localHost(), 'https://127.0.0.1:1', material, 'admin');
    const failure = nobody.get('/readyz');
    await expect(failure).rejects.toThrow('ECONNREFUSED');
    await expect(failure).rejects.not.toBeInstanceOf(ApiError);
    nobody.close();
  });

  it('talks to nobody with certificates of another cluster', async () => {
    const other = await issuePki(planOf().pki, new Map(), new Date());
    await start(() => ({ body: 'ok' }), { clientMaterial: other });
    await expect(client.get('/readyz')).rejects.toThrow(/certificate/);
    expect(server.requests).toEqual([]);
  });

  it('needs the certificate that it is to use', () => {
    expect(() => apiClient(localHost(), 'https://127.0.0.1:1', new Map(), 'admin')).toThrow(
      'no key material called ca.crt',
    );
  });
});

async function start(
  answer: Parameters<typeof startApiServer>[1],
  options: { timeout?: number; clientMaterial?: KeyMaterial } = {},
): Promise<void> {
  server = await startApiServer(material, answer);
  client = apiClient(
    localHost(),
    server.endpoint,
    options.clientMaterial ?? material,
    'admin',
    options.timeout,
  );
}
