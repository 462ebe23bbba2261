import { Agent } from 'node:https';

import { KnestError } from '../errors.ts';
import { requireMaterial } from '../pki/issue.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { exchange } from './exchange.ts';

/**
 * A handful of requests as cluster administrator. @kubernetes/client-node would do too, but takes longer to load than
 * all of them together take, and every create would wait for it.
 */
export interface ApiClient {
  readonly endpoint: string;
  /** @throws ApiError for a status of 400 or more, other errors when nobody answers */
  get(path: string): Promise<unknown>;
  /** RFC 7386 merge patch. */
  mergePatch(path: string, patch: unknown): Promise<unknown>;
  /** @throws ApiError 404 when there is nothing to delete */
  delete(path: string): Promise<unknown>;
  close(): void;
}

/** The API server answered, and said no. */
export class ApiError extends KnestError {
  readonly status: number;

  constructor(method: string, path: string, status: number, message: string) {
    super(`API server: ${method} ${path}: ${status} ${message}`, { code: 'REQUEST_REFUSED' });
    this.status = status;
  }
}

/** @param timeout milliseconds that one request may take */
export function apiClient(
  endpoint: string,
  material: KeyMaterial,
  certificate: string,
  timeout = 10_000,
): ApiClient {
  const agent = new Agent({
    keepAlive: true,
    ca: requireMaterial(material, 'ca.crt'),
    cert: requireMaterial(material, `${certificate}.crt`),
    key: requireMaterial(material, `${certificate}.key`),
  });
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const { status, text } = await exchange(agent, new URL(path, endpoint), {
      method,
      body,
      contentType: 'application/merge-patch+json',
      timeout,
    });
    if (status >= 400) throw new ApiError(method, path, status, messageOf(text));
    return text.startsWith('{') ? (JSON.parse(text) as unknown) : text;
  };
  return {
    endpoint,
    get: (path) => call('GET', path),
    mergePatch: (path, patch) => call('PATCH', path, patch),
    delete: (path) => call('DELETE', path),
    close: () => {
      agent.destroy();
    },
  };
}

/** A Status object's message, else the text itself. */
function messageOf(text: string): string {
  try {
    const parsed = JSON.parse(text) as { message?: unknown };
    return typeof parsed.message === 'string' ? parsed.message : text;
  } catch {
    return text.slice(0, 200);
  }
}
