/** Registries: pushing to one as Docker does it, and a small one that only gives. */

import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import { issuePki } from '../../../src/pki/issue.ts';
import type { Blob, Image } from './image.ts';

/** Pushes with nothing but the API of registries (distribution, "HTTP API V2"). */
export async function push(registry: string, repository: string, tag: string, image: Image): Promise<void> {
  const base = `${registry}/v2/${repository}`;
  for (const blob of [image.config, image.layer]) await upload(base, blob);
  await expectStatus(201, `${base}/manifests/${tag}`, {
    method: 'PUT',
    headers: { 'content-type': image.manifest.type },
    body: new Uint8Array(image.manifest.content),
  });
}

async function upload(base: string, { digest, content }: Blob): Promise<void> {
  const started = await expectStatus(202, `${base}/blobs/uploads/`, { method: 'POST' });
  const place = new URL(started.headers.get('location') ?? '', base);
  place.searchParams.set('digest', digest);
  await expectStatus(201, place.href, { method: 'PUT', body: new Uint8Array(content) });
}

/** @throws Error with what the registry said, unless it answered with this status */
export async function expectStatus(
  status: number,
  url: string,
  options: RequestInit = {},
): Promise<Response> {
  const response = await fetch(url, options);
  if (response.status === status) return response;
  throw new Error(`${options.method ?? 'GET'} ${url}: ${response.status} ${await response.text()}`);
}

export interface TlsRegistry {
  port: number;
  /** Certificate of its authority, PEM. */
  authority: string;
  /** Paths that were asked for by those who had said who they are. */
  asked: readonly string[];
  close: () => Promise<void>;
}

/**
 * A registry on all addresses, with a certificate of an authority that nobody knows, which wants a user and a password.
 * @param address what its certificate is for
 */
export async function tlsRegistry(
  address: string,
  credentials: { username: string; password: string },
  images: Readonly<Record<string, Image>>,
): Promise<TlsRegistry> {
  const material = await issuePki(
    {
      authorities: [{ name: 'ca', commonName: 'an authority nobody knows' }],
      certificates: [
        {
          name: 'server',
          authority: 'ca',
          commonName: address,
          organizations: [],
          usages: ['server'],
          dnsNames: [],
          ipAddresses: [address],
        },
      ],
      keyPairs: [],
    },
    new Map(),
    new Date(),
  );
  const expected = basic(credentials);
  const asked: string[] = [];
  const answers = answersOf(images);
  const server = createServer(
    { cert: material.get('server.crt'), key: material.get('server.key') },
    (request, response) => {
      const path = new URL(request.url ?? '/', 'https://localhost').pathname;
      if (request.headers.authorization !== expected) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
        return;
      }
      asked.push(path);
      const answer = answers.get(path);
      if (!answer) {
        response.writeHead(404).end();
        return;
      }
      giveAnswer(answer, request, response);
    },
  );
  return { ...(await listen(server)), authority: material.get('ca.crt') ?? '', asked };
}

/** A proxy that wants a user and a password, and gives these images whatever host it is asked for. */
export async function proxyWithImages(
  credentials: { username: string; password: string },
  images: Readonly<Record<string, Image>>,
): Promise<Omit<TlsRegistry, 'authority'>> {
  const answers = answersOf(images);
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    // who talks to a proxy asks for a whole URL (RFC 9112, 3.2.2)
    const url = URL.canParse(request.url ?? '') ? new URL(request.url ?? '') : undefined;
    const answer = answers.get(url?.pathname ?? '');
    if (request.headers['proxy-authorization'] !== basic(credentials) || !url || !answer) {
      response.writeHead(url && answer ? 407 : 404).end();
      return;
    }
    asked.push(url.href);
    giveAnswer(answer, request, response);
  });
  return { ...(await listen(server)), asked };
}

function basic({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function giveAnswer(
  answer: Blob & { type: string },
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.writeHead(200, {
    'content-type': answer.type,
    'content-length': answer.content.length,
    'docker-content-digest': answer.digest,
  });
  response.end(request.method === 'HEAD' ? undefined : answer.content);
}

async function listen(
  server: ReturnType<typeof createHttpServer> | ReturnType<typeof createServer>,
): Promise<{ port: number; close: () => Promise<void> }> {
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** What there is at which path. @param images by "repository:tag" */
function answersOf(images: Readonly<Record<string, Image>>): Map<string, Blob & { type: string }> {
  const answers = new Map<string, Blob & { type: string }>();
  for (const [name, { config, layer, manifest }] of Object.entries(images)) {
    const [repository = '', tag = ''] = name.split(':');
    for (const reference of [tag, manifest.digest])
      answers.set(`/v2/${repository}/manifests/${reference}`, manifest);
    for (const blob of [config, layer])
      answers.set(`/v2/${repository}/blobs/${blob.digest}`, { ...blob, type: 'application/octet-stream' });
  }
  answers.set('/v2/', { content: Buffer.from('{}'), digest: '', type: 'application/json' });
  return answers;
}
