/** HTTPS with a client certificate, as the API server and etcd want it. */

import { Agent, request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions as TlsOptions } from 'node:tls';

/** PEM texts. */
export interface Credentials {
  /** Of the authority that must have signed the server's certificate. */
  ca: string;
  cert: string;
  key: string;
}

/** Opens TCP connections, as seen from where the servers can be reached: a Host does. */
export interface Connector {
  /**
   * @param options timeout: milliseconds until it must stand
   * @throws Error with Node's code (ECONNREFUSED, ETIMEDOUT, ...)
   */
  connect(address: string, port: number, options?: { timeout?: number }): Promise<Duplex>;
}

export interface ConnectionOptions {
  /** Milliseconds that one answer may take. */
  timeout?: number;
  /** Where connections begin: a Host, or `thisProcess`. */
  via: Connector;
}

export interface HttpsRequest {
  method: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Default: application/json. */
  contentType?: string;
  /** Ends request and answer when aborted. */
  signal?: AbortSignal;
}

/** Connections that are kept open from one request to the next. */
export interface HttpsConnections {
  /** The answer's beginning, whatever its status. @throws Error when nobody answers */
  open(url: URL, request: HttpsRequest): Promise<IncomingMessage>;
  /** The whole answer as text, whatever its status. @throws Error when nobody answers */
  exchange(url: URL, request: HttpsRequest): Promise<{ status: number; text: string }>;
  close(): void;
}

/** Milliseconds. */
const usualTimeout = 10_000;

/**
 * @param credentials asked for at each request where they may change; another object is another identity. Requests under
 *   way end as they began, new ones get connections of their own.
 */
export function httpsConnections(
  credentials: Credentials | (() => Credentials),
  { timeout = usualTimeout, via }: ConnectionOptions,
): HttpsConnections {
  const current = typeof credentials === 'function' ? credentials : () => credentials;
  const agentWith = (used: Credentials): Agent => {
    // TCP notices within 15 s, and not within minutes, that a server's machine is gone
    const made = new Agent({ keepAlive: true, keepAliveMsecs: 5000, ...used });
    connectVia(made, via, timeout);
    return made;
  };
  let used = current();
  let agent = agentWith(used);
  const present = (): Agent => {
    const fresh = current();
    if (fresh === used) return agent;
    for (const idle of Object.values(agent.freeSockets).flat()) idle?.destroy();
    used = fresh;
    agent = agentWith(used);
    return agent;
  };
  const open = (url: URL, { method, body, contentType = 'application/json', signal }: HttpsRequest) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const headers = {
        accept: 'application/json, */*',
        ...(body === undefined ? {} : { 'content-type': contentType }),
      };
      const ends = signal === undefined ? {} : { signal };
      const outgoing = request(url, { agent: present(), method, headers, timeout, ...ends }, resolve);
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeout / 1000} s`)));
      outgoing.on('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  return {
    open,
    exchange: async (url, request) => {
      const response = await open(url, request);
      return { status: response.statusCode ?? 0, text: await readAll(response) };
    },
    close: () => {
      agent.destroy();
    },
  };
}

/** The text of an answer's body. */
export async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Whether somebody accepts connections there, found out within so many milliseconds. */
export async function accepts(endpoint: string, timeout: number, via: Connector): Promise<boolean> {
  const { hostname, port } = new URL(endpoint);
  try {
    // of an IPv6 address the URL has brackets
    const socket = await via.connect(hostname.replace(/^\[|\]$/g, ''), Number(port), { timeout });
    // some streams emit an error when they are destroyed early
    socket.on('error', () => undefined);
    socket.destroy();
    return true;
  } catch {
    return false;
  }
}

/** Connections of this process itself, by node:net: for a program that is where its servers are. */
export const thisProcess: Connector = {
  connect: (host, port, { timeout = usualTimeout } = {}) =>
    new Promise((resolve, reject) => {
      const socket = connectTcp({ host, port, timeout });
      socket.once('connect', () => {
        socket.setTimeout(0);
        resolve(socket);
      });
      socket.once('timeout', () => {
        socket.destroy();
        reject(new Error(`no connection within ${timeout / 1000} s`));
      });
      socket.once('error', reject);
    }),
};

/** Node's agent makes connections itself unless it is told how; TLS goes through whatever connection it is given. */
function connectVia(agent: Agent, via: Connector, timeout: number): void {
  agent.createConnection = (options, done) => {
    via.connect(options.host ?? '', Number(options.port), { timeout }).then(
      (socket) => done?.(null, connectTls({ ...(options as TlsOptions), socket })),
      // Node's type wants a connection even with an error
      (error: unknown) => (done as ((error: unknown) => void) | undefined)?.(error),
    );
    return undefined;
  };
}
