import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { kubernetesBinaries } from '../../src/artifacts/sources/binaries.ts';

/** What may go wrong with one file. Counted down: `times: 1` spoils the first answer only. */
export interface Fault {
  binary: string;
  kind: 'truncate' | 'reset' | 'status' | 'ignore-range' | 'damage';
  times: number;
  status?: number;
}

export interface ReleaseFixture {
  baseUrl: string;
  faults: Fault[];
  /** "GET /release/... bytes=0-" in order of arrival. */
  requests: string[];
  close(): Promise<void>;
}

export interface ReleaseFixtureOptions {
  version?: string;
  arch?: string;
  missing?: readonly string[];
  wrongChecksum?: readonly string[];
  stable?: string | undefined;
  /** What its other labels say: { 'stable-1.30': 'v1.30.1' }. */
  labels?: Readonly<Record<string, string>>;
  /** What the binaries are; scripts without it. */
  content?: (name: string) => Buffer;
}

/** Shell scripts: long enough that half of one is something to continue. */
export function fakeBinary(name: string, version: string): Buffer {
  const says = name === 'kubelet' ? `Kubernetes ${version}` : name;
  return Buffer.from(`#!/bin/sh\necho "${says}"\nexit 0\n${`# ${name} padding\n`.repeat(20_000)}`);
}

/** A server on loopback with dl.k8s.io's layout and small binaries, which can be told to misbehave. */
export async function releaseFixture(options: ReleaseFixtureOptions = {}): Promise<ReleaseFixture> {
  const { version = 'v1.30.1', arch = 'amd64', missing = [], wrongChecksum = [] } = options;
  const stable = 'stable' in options ? options.stable : version;
  return fileServer((path) => {
    const label = /^\/release\/([^/]+)\.txt$/.exec(path)?.[1];
    const says = label === 'stable' ? stable : options.labels?.[label ?? ''];
    if (says !== undefined) return { text: `${says}\n` };
    const prefix = `/release/${version}/bin/linux/${arch}/`;
    const file = path.startsWith(prefix) ? path.slice(prefix.length) : '';
    const name = file.replace(/\.sha256$/, '');
    if (!(kubernetesBinaries as readonly string[]).includes(name) || missing.includes(name)) return undefined;
    const content = options.content?.(name) ?? fakeBinary(name, version);
    return file === name ? { content } : { text: sumOf(content, wrongChecksum.includes(name)) };
  });
}

/** sha256 as hexadecimal digits, or one that is not. */
export function sumOf(content: Buffer, wrong = false): string {
  const sum = createHash('sha256').update(content).digest('hex');
  return wrong ? sum.replace(/^.{8}/, '00000000') : sum;
}

/** What is at a path: a small text, or a file that may be continued and spoiled. */
export type Answer = { text: string } | { content: Buffer } | { redirect: string };

/** A server on loopback. Faults name files by the last part of their paths. */
export async function fileServer(answerOf: (path: string) => Answer | undefined): Promise<ReleaseFixture> {
  const faults: Fault[] = [];
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { range } = request.headers;
    const path = new URL(request.url ?? '', 'http://server').pathname;
    requests.push(`${path}${range === undefined ? '' : ` ${range}`}`);
    const answer = answerOf(path);
    if (!answer) {
      response.statusCode = 404;
      return void response.end('not found');
    }
    if ('text' in answer) return void response.end(answer.text);
    if ('redirect' in answer) return void response.writeHead(302, { location: answer.redirect }).end();
    const fault = faults.find((each) => each.binary === path.replace(/^.*\//, '') && each.times > 0);
    if (fault) fault.times -= 1;
    send(request, response, answer.content, fault);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `http://127.0.0.1:${port}`, faults, requests, close: () => close(server) };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  content: Buffer,
  fault: Fault | undefined,
): void {
  if (fault?.kind === 'status') {
    response.statusCode = fault.status ?? 503;
    response.end('broken');
    return;
  }
  const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  const offset = start === undefined || fault?.kind === 'ignore-range' ? 0 : Number(start);
  if (offset >= content.length) {
    response.statusCode = 416;
    response.end();
    return;
  }
  const body = fault?.kind === 'damage' ? Buffer.alloc(content.length, 'x') : content;
  if (offset > 0) {
    response.statusCode = 206;
    response.setHeader('content-range', `bytes ${offset}-${content.length - 1}/${content.length}`);
  }
  response.setHeader('content-length', content.length - offset);
  if (fault?.kind === 'truncate' || fault?.kind === 'reset') {
    const half = offset + Math.floor((content.length - offset) / 2);
    response.write(body.subarray(offset, half), () => {
      // an error throws away what the receiver has not read yet: give it time to read something
      setTimeout(() => {
        if (fault.kind === 'truncate') request.socket.end();
        else request.socket.resetAndDestroy();
      }, 100);
    });
    return;
  }
  response.end(body.subarray(offset));
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
