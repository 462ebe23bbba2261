import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import type { RequestOptions } from 'node:https';

import { KubeConfig } from '@kubernetes/client-node';

/** Requests to the API server: plain JSON, one connection kept open. */
export interface Api {
  /** For what the library does itself: watching. */
  readonly kubeConfig: KubeConfig;
  get<T>(path: string): Promise<T>;
  create<T>(path: string, object: T): Promise<T>;
  /** Refused (409) when the object has changed since it was read. */
  replace<T>(path: string, object: T): Promise<T>;
  delete(path: string): Promise<void>;
}

/** The API server answered, and said no. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Milliseconds. */
const timeout = 10_000;

/** @throws Error when the kubeconfig or what it names cannot be read */
export async function openApi(kubeconfigPath: string): Promise<Api> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(await readFile(kubeconfigPath, 'utf8'));
  const options: RequestOptions = {};
  await kubeConfig.applyToHTTPSOptions(options);
  const { ca, cert, key } = options;
  const agent = new Agent({ keepAlive: true, ca, cert, key });
  const server = kubeConfig.getCurrentCluster()?.server ?? '';
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const { status, text } = await exchange(agent, new URL(path, server), method, body);
    if (status >= 400) throw new ApiError(status, `${method} ${path}: ${status} ${messageOf(text)}`);
    return JSON.parse(text);
  };
  return {
    kubeConfig,
    get: async <T>(path: string) => (await call('GET', path)) as T,
    create: async <T>(path: string, object: T) => (await call('POST', path, object)) as T,
    replace: async <T>(path: string, object: T) => (await call('PUT', path, object)) as T,
    delete: async (path) => {
      await call('DELETE', path);
    },
  };
}

function exchange(
  agent: Agent,
  url: URL,
  method: string,
  body: unknown,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { accept: 'application/json', 'content-type': 'application/json' };
    const outgoing = request(url, { agent, method, headers, timeout }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeout / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text.slice(0, 200);
  }
}
