/** What is written for HAProxy, tried with HAProxy itself, where there is one: on PATH, or KNEST_TEST_HAPROXY. */

import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as plain } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { request as secure } from 'node:https';
import { connect, createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import type { TLSSocket } from 'node:tls';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { modelOf } from '../../../src/agent/ingress/model.ts';
import { renderProxy } from '../../../src/agent/ingress/render.ts';
import { ownIngresses, services } from '../../../src/agent/ingress/state.ts';
import { anotherKey, ingress, rule, service, setSecret, stateOf, tlsSecret } from './fixture.ts';

const { KNEST_TEST_HAPROXY: haproxy = 'haproxy' } = process.env;
const missing = spawnSync(haproxy, ['-v']).status !== 0;

describe.skipIf(missing)('HAProxy', () => {
  const folder = mkdtempSync(`${tmpdir()}/knest-ingress-`);
  const servers: Server[] = [];
  let proxy: ChildProcess;
  let ports: { http: number; https: number };
  let ca: string;

  /** Answers with its name and what it was asked; switches protocols on request, and sends back what comes then. */
  const backend = async (name: string): Promise<number> => {
    const server = createServer((request, response) => {
      request.resume().on('end', () => {
        response.end(JSON.stringify({ name, url: request.url, headers: request.headers }));
      });
    });
    server.on('upgrade', ({ headers }, socket) => {
      const accept = createHash('sha1')
        .update(`${headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      socket.pipe(socket);
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };

  beforeAll(async () => {
    const state = stateOf(
      ingress('paths', {
        rules: [
          rule('shop.example', '/=web:http', '/api=api:http', '=/api/exact=web:http', '/api/deep/=web:http'),
          rule('*.shop.example', '/=api:http'),
          rule(undefined, '/everywhere=api:http', '/nothing=gone:80', '/refused=closed:80'),
        ],
        tls: [
          { hosts: ['shop.example'], secretName: 'tls' },
          { secretName: 'broken' },
          { secretName: 'tls' },
        ],
      }),
      ingress('strange', { rules: [rule('odd.example', '/a b=web:80', '=/ü=web:80')] }),
    );
    services(state).set(service('web', '127.0.0.1', await backend('web')));
    services(state).set(service('api', '127.0.0.1', await backend('api')));
    services(state).set(service('closed', '127.0.0.1', 80));
    const [tls, broken, own] = await Promise.all([
      tlsSecret('tls', 'tls.example', 'shop.example'),
      tlsSecret('broken', 'shop.example'),
      tlsSecret('fallback', 'fallback.example'),
    ]);
    setSecret(state, tls.secret);
    setSecret(state, broken.withKey(anotherKey()));
    ca = tls.ca;
    ports = { http: await freePort(), https: await freePort() };
    const files = renderProxy(modelOf(ownIngresses(state), state), {
      ...{ folder, families: [4], ports, account: userInfo().username },
      fallback: ['tls.crt', 'tls.key']
        .map((key) => Buffer.from(own.secret.data[key as 'tls.crt'], 'base64').toString())
        .join(''),
    });
    for (const [file, text] of files) writeFileSync(`${folder}/${file}`, text);
    const check = spawnSync(haproxy, ['-c', '-f', `${folder}/haproxy.cfg`], { encoding: 'utf8' });
    expect(`${check.stdout}${check.stderr}`).not.toMatch(/warning|alert/i);
    expect(check.status).toBe(0);
    proxy = spawn(haproxy, ['-W', '-f', `${folder}/haproxy.cfg`], { stdio: 'ignore' });
    await vi.waitUntil(() => accepts(ports.http), 10_000);
  });
  afterAll(async () => {
    for (const server of servers) server.close();
    proxy.kill();
    await once(proxy, 'exit');
    rmSync(folder, { recursive: true });
  });

  const ask = async (host: string, path: string, headers: Record<string, string> = {}) => {
    const { status, text } = await exchange(plain({ port: ports.http, path, headers: { host, ...headers } }));
    return { status, ...(status === 200 ? (JSON.parse(text) as Answer) : {}), text };
  };

  it.each([
    ['shop.example', '/', 'web'],
    ['shop.example:8080', '/x', 'web'],
    ['SHOP.example', '/apix', 'web'],
    ['shop.example', '/api', 'api'],
    ['shop.example', '/api?q=/', 'api'],
    ['shop.example', '/api/', 'api'],
    ['shop.example', '/api/exact', 'web'],
    ['shop.example', '/api/exact/', 'api'],
    ['shop.example', '/api/deep', 'web'],
    ['shop.example', '/api/deep/er', 'web'],
    ['shop.example', '/api/deeper', 'api'],
    ['one.shop.example', '/api/deep', 'api'],
    ['two.one.shop.example', '/everywhere/x', 'api'],
    ['127.0.0.1', '/everywhere', 'api'],
    ['[::1]', '/everywhere', 'api'],
  ])('%s%s is led to %s', async (host, path, name) => {
    expect(await ask(host, path)).toMatchObject({ status: 200, name, url: path });
  });

  it.each([
    [404, 'two.one.shop.example', '/'],
    [404, 'other.example', '/'],
    [404, 'odd.example', '/a'],
    [503, 'other.example', '/nothing/there'],
    [503, 'other.example', '/refused'],
    [400, 'shop.example/api', '/'],
  ])('answers %d at %s%s', async (status, host, path) => {
    expect((await ask(host, path)).status).toBe(status);
  });

  it('tells backends who asks, and believes nobody who says it himself', async () => {
    const forged = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https', 'x-real-ip': '192.0.2.1' };
    const { headers } = await ask('shop.example', '/', forged);
    expect(headers).toMatchObject({
      ...{ host: 'shop.example', 'x-forwarded-host': 'shop.example', 'x-forwarded-for': '127.0.0.1' },
      ...{ 'x-forwarded-proto': 'http', 'x-forwarded-port': String(ports.http), 'x-real-ip': '127.0.0.1' },
    });
  });

  it('passes large bodies on', async () => {
    const request = plain({ port: ports.http, method: 'POST', headers: { host: 'shop.example' } });
    request.end(Buffer.alloc(20_000_000));
    expect((await exchange(request, false)).status).toBe(200);
  });

  it('shows the certificate of the name that is asked for, else the cluster’s', async () => {
    const certificateFor = async (servername: string) => {
      const asked = secure({
        ...{ port: ports.https, servername, rejectUnauthorized: false },
        headers: { host: servername },
      });
      const { status, text, subject } = await exchange(asked);
      return { status, text, subject };
    };
    expect(await certificateFor('shop.example')).toMatchObject({ status: 200, subject: 'tls.example' });
    expect((await certificateFor('tls.example')).subject).toBe('tls.example');
    expect((await certificateFor('other.example')).subject).toBe('fallback.example');
    const trusted = secure({
      port: ports.https,
      ca,
      servername: 'shop.example',
      headers: { host: 'shop.example' },
    });
    const { text } = await exchange(trusted);
    expect((JSON.parse(text) as Answer).headers['x-forwarded-proto']).toBe('https');
  });

  it('leads WebSockets through', async () => {
    const request = plain({
      port: ports.http,
      headers: {
        host: 'shop.example',
        connection: 'upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      },
    });
    request.end();
    const [, socket] = (await once(request, 'upgrade')) as [unknown, NodeJS.ReadWriteStream];
    socket.write('hello');
    const [echo] = (await once(socket, 'data')) as [Buffer];
    expect(echo.toString()).toBe('hello');
    socket.end();
  });
});

interface Answer {
  name: string;
  url: string;
  headers: Record<string, string>;
}

async function exchange(request: ReturnType<typeof plain>, ends = true) {
  if (ends) request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const socket = response.socket as Partial<TLSSocket>;
  const subject = socket.getPeerCertificate?.().subject.CN;
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk as string;
  return { status: response.statusCode, text, subject };
}

async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => {
      resolve(false);
    });
  });
}
