import { KnestError } from '../../errors.ts';
import { accepts, httpsConnections, readAll } from '../https.ts';
import type { ConnectionOptions, Credentials } from '../https.ts';

/**
 * Requests to the API server. @kubernetes/client-node would do too, but takes longer to load than all requests of a
 * create together take, and is fourteen times as large as knest-agent.
 * @throws ApiError of each call for a status of 400 or more, other errors when nobody answers
 */
export interface KubernetesClient {
  /** https://ADDRESS:PORT */
  readonly endpoint: string;
  /** An object; a text where the answer is none (/readyz). */
  get<T>(path: string): Promise<T>;
  create<T>(path: string, object: T): Promise<T>;
  /** Refused (409) when the object has changed since it was read. */
  replace<T>(path: string, object: T): Promise<T>;
  /** RFC 7386 merge patch. */
  patch(path: string, changes: unknown): Promise<void>;
  /** Kubernetes: "Server-Side Apply"; takes over what another manager has set otherwise. */
  apply(path: string, object: unknown): Promise<void>;
  /** Refused (404) when there is nothing to delete. */
  delete(path: string): Promise<void>;
  /** Reads an answer line by line until it ends. What `onLine` throws ends it, and is thrown; so does the signal. */
  lines(path: string, reader: LineReader): Promise<void>;
  /** Whether somebody accepts connections at the endpoint, found out within so many milliseconds. Never fails. */
  isListening(timeout: number): Promise<boolean>;
  close(): void;
}

export interface LineReader {
  onOpen: () => void;
  onLine: (line: string) => void;
  signal?: AbortSignal;
}

/** The API server answered, and said no. */
export class ApiError extends KnestError {
  /** Of HTTP: 404 there is no such object, 409 it has changed meanwhile. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message, { code: 'REQUEST_REFUSED' });
    this.status = status;
  }
}

/** Seconds after which the API server ends a watch, for the next one to begin where it ended. */
export const watchSeconds = 280;
/** Milliseconds. Nothing may happen all the while: Kubernetes 1.20 sends no bookmarks before the end. */
const watchTimeout = (watchSeconds + 20) * 1000;

/** @param endpoint https://ADDRESS:PORT */
export function kubernetesClient(
  endpoint: string,
  credentials: Credentials | (() => Credentials),
  options: ConnectionOptions,
): KubernetesClient {
  const connections = httpsConnections(credentials, options);
  const call = async (
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<unknown> => {
    const url = new URL(path, endpoint);
    const { status, text } = await connections.exchange(url, { method, body, contentType });
    if (status >= 400) throw refusal(method, path, status, text);
    return text.startsWith('{') ? (JSON.parse(text) as unknown) : text;
  };
  return {
    endpoint,
    get: async <T>(path: string) => (await call('GET', path)) as T,
    create: async <T>(path: string, object: T) => (await call('POST', path, object)) as T,
    replace: async <T>(path: string, object: T) => (await call('PUT', path, object)) as T,
    patch: async (path, changes) => {
      await call('PATCH', path, changes, 'application/merge-patch+json');
    },
    apply: async (path, object) => {
      await call('PATCH', `${path}?fieldManager=knest&force=true`, object, 'application/apply-patch+yaml');
    },
    delete: async (path) => {
      await call('DELETE', path);
    },
    lines: async (path, { onOpen, onLine, signal }) => {
      const request = { method: 'GET', ...(signal === undefined ? {} : { signal }) };
      const response = await connections.open(new URL(path, endpoint), request);
      const status = response.statusCode ?? 0;
      if (status >= 400) throw refusal('GET', path, status, await readAll(response));
      onOpen();
      // a connection that is silent for longer than a watch lasts is dead
      response.socket.setTimeout(watchTimeout, () => response.destroy(new Error('the watch is silent')));
      response.setEncoding('utf8');
      let rest = '';
      // leaving the loop, by an error of either side too, closes the connection
      for await (const chunk of response as AsyncIterable<string>) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        lines.forEach(onLine);
      }
    },
    isListening: (timeout) => accepts(endpoint, timeout, options.via),
    close: () => {
      connections.close();
    },
  };
}

/** For something that shall be gone: that it is gone already (404) is as good. @throws what else goes wrong */
export async function deleteIfThere(client: Pick<KubernetesClient, 'delete'>, path: string): Promise<void> {
  try {
    await client.delete(path);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}

function refusal(method: string, path: string, status: number, text: string): ApiError {
  return new ApiError(status, `API server: ${method} ${path}: ${status} ${messageIn(text)}`);
}

/** A Status object's message, else the text itself. */
function messageIn(text: string): string {
  try {
    const parsed = JSON.parse(text) as { message?: unknown };
    return typeof parsed.message === 'string' ? parsed.message : text;
  } catch {
    return text.slice(0, 200);
  }
}
