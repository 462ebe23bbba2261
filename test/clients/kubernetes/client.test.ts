import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';

import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { localHost } from '../../../src/host/local.ts';
import { clientCredentials } from '../../../src/clients/credentials.ts';
import type { ConnectionOptions } from '../../../src/clients/https.ts';
import { ApiError, deleteIfThere, kubernetesClient } from '../../../src/clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../../src/clients/kubernetes/client.ts';
import { issuePki } from '../../../src/pki/issue.ts';
import type { KeyMaterial } from '../../../src/pki/issue.ts';
import { planOf } from '../../fixtures/cluster.ts';
import { startApiServer } from '../../fixtures/api-server.ts';
import type { TestApiServer } from '../../fixtures/api-server.ts';

let material: KeyMaterial;
let server: TestApiServer;
let client: KubernetesClient;

beforeAll(async () => {
  material = await issuePki(planOf().pki, new Map(), new Date());
});

afterEach(async () => {
  client.close();
  await server.close();
});

describe('kubernetesClient', () => {
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
    await client.patch('/api/v1/nodes/n', { metadata: { labels: { a: 'ä' } } });
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
    const nobody = kubernetesClient('https://127.0.0.1:1', clientCredentials(material, 'admin'), {
      via: localHost(),
    });
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

  it('goes through the connections that it is given', async () => {
    const asked: [string, number][] = [];
    const connect = async (address: string, port: number): Promise<Duplex> => {
      asked.push([address, port]);
      const socket = connectTcp(Number(new URL(server.endpoint).port), '127.0.0.1');
      await once(socket, 'connect');
      // no socket of Node's own, as is one that comes from another host
      return Duplex.from({ readable: socket, writable: socket });
    };
    await start(() => ({ body: { kind: 'NodeList' } }), {
      via: { connect },
      endpoint: 'https://127.0.0.1:7',
    });
    expect(await client.isListening(1000)).toBe(true);
    expect(await client.get('/api/v1/nodes')).toEqual({ kind: 'NodeList' });
    expect(await client.get('/api/v1/nodes')).toEqual({ kind: 'NodeList' });
    // one to look, one for all requests
    expect(asked).toEqual([
      ['127.0.0.1', 7],
      ['127.0.0.1', 7],
    ]);
    expect(server.requests[0]?.user).toBe('kubernetes-admin/system:masters');
  });

  it('fails with what the connections that it is given fail with', async () => {
    const connect = (): Promise<never> => Promise.reject(new Error('no route from there'));
    await start(() => ({}), { via: { connect } });
    await expect(client.get('/readyz')).rejects.toThrow('no route from there');
    expect(await client.isListening(1000)).toBe(false);
  });

  it('knows whether somebody listens', async () => {
    await start(() => ({}));
    expect(await client.isListening(1000)).toBe(true);
    const nobody = kubernetesClient('https://[::1]:1', clientCredentials(material, 'admin'), {
      via: localHost(),
    });
    expect(await nobody.isListening(1000)).toBe(false);
    expect(server.requests).toEqual([]);
  });

  it('reads lines as they come, and ends with what their reader throws', async () => {
    await start(() => ({ body: 'one\ntwo\nthree\n' }));
    const lines: string[] = [];
    let opened = 0;
    const onOpen = (): void => {
      opened += 1;
    };
    await client.lines('/watch', { onOpen, onLine: (line) => lines.push(line) });
    expect([opened, lines]).toEqual([1, ['one', 'two', 'three']]);
    const onLine = (): never => {
      throw new Error('that is enough');
    };
    await expect(client.lines('/watch', { onOpen, onLine })).rejects.toThrow('that is enough');
  });

  it('watches nothing that it may not', async () => {
    await start(() => ({ status: 410, body: { message: 'too old resource version' } }));
    const reader = { onOpen: () => undefined, onLine: () => undefined };
    await expect(client.lines('/watch', reader)).rejects.toMatchObject({
      status: 410,
      message: 'API server: GET /watch: 410 too old resource version',
    });
  });

  it.each([
    ['create', 'POST', 'application/json'],
    ['replace', 'PUT', 'application/json'],
    ['apply', 'PATCH', 'application/apply-patch+yaml'],
  ] as const)('%s is a %s', async (verb, method, contentType) => {
    await start(() => ({ body: {} }));
    await client[verb]('/api/v1/things/a', { kind: 'Thing' });
    const path = verb === 'apply' ? '/api/v1/things/a?fieldManager=knest&force=true' : '/api/v1/things/a';
    expect(server.requests).toMatchObject([{ method, contentType, path, body: '{"kind":"Thing"}' }]);
  });

  it('deletes what may be gone already', async () => {
    const answers = [200, 404, 403];
    await start(() => ({ status: answers.shift() ?? 500, body: {} }));
    await deleteIfThere(client, '/api/v1/nodes/n');
    await deleteIfThere(client, '/api/v1/nodes/n');
    await expect(deleteIfThere(client, '/api/v1/nodes/n')).rejects.toMatchObject({ status: 403 });
  });

  it('needs the certificate that it is to use', () => {
    expect(() => clientCredentials(new Map(), 'admin')).toThrow('no key material called ca.crt');
  });
});

async function start(
  answer: Parameters<typeof startApiServer>[1],
  options: Partial<ConnectionOptions> & { clientMaterial?: KeyMaterial; endpoint?: string } = {},
): Promise<void> {
  server = await startApiServer(material, answer);
  const { clientMaterial = material, endpoint = server.endpoint, ...connection } = options;
  client = kubernetesClient(endpoint, clientCredentials(clientMaterial, 'admin'), {
    via: localHost(),
    ...connection,
  });
}
