import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Dispatcher, Response } from 'undici';

import { KnestError } from '../errors.ts';
import type { Progress } from '../events.ts';
import { codeOf } from '../host/error-codes.ts';
import type { Host } from '../host/types.ts';
import { parseSha256, sha256Command } from '../tools/sha256sum.ts';
import { readAhead } from './read-ahead.ts';

/** Loaded when it is needed: most creates find everything in the cache and fetch nothing. */
// its default: bundled, a CommonJS module has no named exports when it is loaded like this
const undici = async () => (await import('undici')).default;

/**
 * How knest reaches web servers: proxies as in the environment, silence for at most so long. All of knest's requests go
 * this way.
 */
export async function webClient(proxyEnvironment: Readonly<Record<string, string>>): Promise<Dispatcher> {
  const { EnvHttpProxyAgent } = await undici();
  const { http_proxy: httpProxy, https_proxy: httpsProxy, no_proxy: noProxy } = proxyEnvironment;
  const agent = new EnvHttpProxyAgent({
    ...(httpProxy === undefined ? {} : { httpProxy }),
    ...(httpsProxy === undefined ? {} : { httpsProxy }),
    ...(noProxy === undefined ? {} : { noProxy }),
    connect: { timeout: 10_000 },
    headersTimeout: 20_000,
    bodyTimeout: 30_000,
  });
  return agent.compose(readAhead);
}

export interface FetchTextOptions {
  client: Dispatcher;
  /** Milliseconds for the whole answer. */
  timeout: number;
  signal?: AbortSignal | undefined;
  /** What to do when the server is of no use; default: the flag for Kubernetes' own. */
  otherServer?: string;
}

const otherReleaseServer = 'use another server: --release-mirror URL';

/**
 * A small text, trimmed; undefined when the server says that there is no such thing (404).
 * @throws KnestError when the server does not answer, or answers with an error
 */
export async function fetchText(
  url: string,
  { client, timeout, signal, otherServer = otherReleaseServer }: FetchTextOptions,
): Promise<string | undefined> {
  const deadline = AbortSignal.timeout(timeout);
  try {
    const { fetch } = await undici();
    const response = await fetch(url, {
      dispatcher: client,
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    });
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new KnestError(`${url}: the server answers ${response.status}`, { code: 'DOWNLOAD_FAILED' });
    }
    return (await response.text()).trim();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof KnestError) throw error;
    const why = deadline.aborted ? `no answer in ${timeout / 1000} s` : reasonOf(error);
    throw new KnestError(`${new URL(url).host} does not answer (${why})`, {
      code: 'DOWNLOAD_FAILED',
      hint: `check the network or ${otherServer}`,
      cause: error,
    });
  }
}

export interface Download {
  /** Gets the file. */
  host: Host;
  url: string;
  /** Where the file appears once it is whole and verified; until then it is at <path>.part. */
  path: string;
  sha256: string;
  client: Dispatcher;
  signal: AbortSignal;
  /** Bytes there now, and bytes there will be if the server tells. */
  onProgress?: (received: number, total: number | undefined) => void;
  /** Milliseconds before the first repetition, doubled for each further one. */
  retryDelay?: number;
  /** See FetchTextOptions. */
  otherServer?: string;
}

/** Attempts in a row without a single new byte before giving up. */
const maxAttempts = 5;

/**
 * Downloads a file, continuing what is at <path>.part. knest itself asks the server, by the proxies that the user has,
 * and streams the answer into the host, which then needs neither a way to the server nor a program for it. Lost
 * connections, truncated bodies and the server's own failures (5xx) are tried again as long as there is progress.
 * @throws KnestError: not there (404), wrong checksum (the file is removed), no progress any more
 */
export async function download(file: Download): Promise<void> {
  const part = `${file.path}.part`;
  let failures = 0;
  let startedOver = (await sizeOf(file.host, part)) === 0;
  for (;;) {
    const before = await sizeOf(file.host, part);
    try {
      await receive(file, part, before);
    } catch (error) {
      file.signal.throwIfAborted();
      if (!(error instanceof Transient)) throw error;
      failures = (await sizeOf(file.host, part)) > before ? 0 : failures + 1;
      if (failures >= maxAttempts) throw gaveUp(file, error, await sizeOf(file.host, part));
      await sleep((file.retryDelay ?? 300) * 2 ** failures, undefined, { signal: file.signal });
      continue;
    }
    const actual = await sha256Of(file.host, part);
    if (actual === file.sha256) {
      await file.host.rename(part, file.path);
      return;
    }
    await file.host.remove(part);
    // what an earlier knest left may be of another file: once more from the start before blaming the server
    if (startedOver) throw wrongChecksum(file, actual);
    startedOver = true;
  }
}

/** Something that may go better the next time. */
class Transient extends Error {}

async function receive(file: Download, part: string, offset: number): Promise<void> {
  const response = await request(file, offset);
  try {
    await receiveBody(response, file, part, offset);
  } finally {
    // of one that has been read, nothing is left to cancel; one that broke has said so already
    await response.body?.cancel().catch(() => undefined);
  }
}

async function receiveBody(response: Response, file: Download, part: string, offset: number): Promise<void> {
  if (response.status === 416) return; // there is nothing after what we have: the checksum tells whether it is whole
  const resumed = response.status === 206 && contentStart(response) === offset;
  if (response.status === 206 && !resumed) {
    await file.host.remove(part);
    throw new Transient('the server answers with another range than asked for');
  }
  if (!response.body) throw new Transient('the answer has no body');
  const length = response.headers.get('content-length');
  let received = resumed ? offset : 0;
  const total = length === null ? undefined : received + Number(length);
  // begins to read when the host has opened the file: a stream that breaks before must not break where nobody listens
  const count = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      received += chunk.byteLength;
      file.onProgress?.(received, total);
      yield chunk;
    }
  };
  if (!resumed) await file.host.remove(part);
  const body = Readable.from(count(response.body), { objectMode: false });
  let broken: unknown;
  body.once('error', (error) => {
    broken = error;
  });
  try {
    await file.host.writeStream(part, body, 0o644, { append: true });
  } catch (error) {
    // what the host refuses is no better the next time; what ends on the way may be
    if (broken !== error) throw error;
    throw new Transient(reasonOf(error), { cause: error });
  }
  if (total !== undefined && received < total)
    throw new Transient(`the body ended after ${received} of ${total} bytes`);
}

/** The answer, when it is one with a body to read (200, 206) or 416. */
async function request({ url, client, signal }: Download, offset: number): Promise<Response> {
  let response: Response;
  try {
    const { fetch } = await undici();
    response = await fetch(url, {
      dispatcher: client,
      signal,
      headers: { 'accept-encoding': 'identity', ...(offset === 0 ? {} : { range: `bytes=${offset}-` }) },
    });
  } catch (error) {
    throw new Transient(reasonOf(error), { cause: error });
  }
  const { status } = response;
  if (status === 200 || status === 206 || (status === 416 && offset > 0)) return response;
  await response.body?.cancel();
  if (status >= 500 || status === 408 || status === 429) throw new Transient(`the server answers ${status}`);
  throw new KnestError(
    status === 404 ? `${url} does not exist there (404)` : `${url}: the server answers ${status}`,
    { code: 'DOWNLOAD_FAILED', hint: 'check the version and the mirror' },
  );
}

/** "bytes 100-199/200" -> 100 */
function contentStart(response: Response): number | undefined {
  const start = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}

function gaveUp(
  { url, otherServer = otherReleaseServer }: Download,
  error: Error,
  received: number,
): KnestError {
  return new KnestError(`${url} could not be downloaded: ${error.message}`, {
    code: 'DOWNLOAD_FAILED',
    details: [`${received} bytes received; ${maxAttempts} attempts in a row brought nothing`],
    hint: `check the network or ${otherServer}`,
    cause: error,
  });
}

function wrongChecksum(
  { url, sha256, otherServer = otherReleaseServer }: Download,
  actual: string,
): KnestError {
  return new KnestError(`${url} has a wrong checksum; the file was removed`, {
    code: 'CHECKSUM_MISMATCH',
    details: [`expected sha256 ${sha256}`, `got      sha256 ${actual}`],
    hint: `the server (or a proxy on the way) gives a damaged file: ${otherServer}`,
  });
}

async function sizeOf(host: Host, path: string): Promise<number> {
  return (await host.stat(path))?.size ?? 0;
}

async function sha256Of(host: Host, path: string): Promise<string> {
  const { stdout } = await host.run(sha256Command([path]));
  return parseSha256(stdout)[0] ?? '';
}

/** The innermost reason of undici's "fetch failed": ECONNREFUSED, ENOTFOUND, ... */
function reasonOf(error: unknown): string {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause;
  return codeOf(innermost) ?? (innermost instanceof Error ? innermost.message : String(innermost));
}

/** Sums up so many downloads; tells about every quarter of a second. */
export function downloadProgress(
  progress: Progress,
  count: number,
): (name: string) => NonNullable<Download['onProgress']> {
  const received = new Map<string, number>();
  const totals = new Map<string, number>();
  let told = 0;
  return (name) => (bytes, total) => {
    received.set(name, bytes);
    if (total !== undefined) totals.set(name, total);
    if (Date.now() - told < 250) return;
    told = Date.now();
    const all = totals.size === count ? ` of ${megabytes(totals)}` : '';
    progress(`downloaded ${megabytes(received)}${all} MB`);
  };
}

function megabytes(bytes: ReadonlyMap<string, number>): number {
  return Math.round([...bytes.values()].reduce((sum, each) => sum + each, 0) / 1e6);
}
