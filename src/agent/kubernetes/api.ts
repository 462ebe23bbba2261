import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';

/** Requests to the API server, in JSON. */
export interface Api {
  get<T>(path: string): Promise<T>;
  create<T>(path: string, object: T): Promise<T>;
  /** Refused (409) when the object has changed since it was read. */
  replace<T>(path: string, object: T): Promise<T>;
  /** RFC 7386 merge patch. */
  patch(path: string, changes: unknown): Promise<void>;
  /** Kubernetes: "Server-Side Apply"; takes over what another manager has set otherwise. */
  apply(path: string, object: unknown): Promise<void>;
  delete(path: string): Promise<void>;
  /** Reads an answer line by line until it ends. What `onLine` throws ends it, and is thrown. */
  lines(path: string, reader: { onOpen: () => void; onLine: (line: string) => void }): Promise<void>;
}

/** The API server answered, and said no. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** How the API server is reached; files are PEM. */
export interface ApiAccess {
  /** https://ADDRESS:PORT */
  server: string;
  authority: string;
  certificate: string;
  key: string;
}

/** Milliseconds that an answer may take. */
const timeout = 10_000;
/** Seconds after which the API server ends a watch, for the next one to begin where it ended. */
export const watchSeconds = 280;
/** Milliseconds. Nothing may happen all the while: Kubernetes 1.20 sends no bookmarks before the end. */
const watchTimeout = (watchSeconds + 20) * 1000;

/** @throws Error when a file cannot be read */
export async function openApi(access: ApiAccess): Promise<Api> {
  const files = [access.authority, access.certificate, access.key];
  const [ca, cert, key] = await Promise.all(files.map((path) => readFile(path)));
  // an API server whose machine is gone is found out within 15 s, not within minutes
  const agent = new Agent({ keepAlive: true, keepAliveMsecs: 5000, ca, cert, key });

  const open = async (
    method: string,
    path: string,
    body?: unknown,
    type?: string,
  ): Promise<IncomingMessage> => {
    const response = await send(agent, new URL(path, access.server), method, body, type);
    const status = response.statusCode ?? 0;
    if (status < 400) return response;
    throw new ApiError(status, `${method} ${path}: ${status} ${messageOf(await readAll(response))}`);
  };
  const call = async (method: string, path: string, body?: unknown, type?: string): Promise<unknown> =>
    JSON.parse(await readAll(await open(method, path, body, type)));

  return {
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
    lines: async (path, { onOpen, onLine }) => {
      const response = await open('GET', path);
      onOpen();
      // what is silent for longer than a watch lasts is dead
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
  };
}

function send(
  agent: Agent,
  url: URL,
  method: string,
  body: unknown,
  type = 'application/json',
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { accept: 'application/json', 'content-type': type };
    const outgoing = request(url, { agent, method, headers, timeout }, resolve);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeout / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text.slice(0, 200);
  }
}
