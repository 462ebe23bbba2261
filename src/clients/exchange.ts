import { Agent, request } from 'node:https';
import type { AgentOptions } from 'node:https';
import type { Duplex } from 'node:stream';

/** Opens a TCP connection to where the servers are: Host.connect. */
export interface Connector {
  connect(address: string, port: number, options?: { timeout?: number }): Promise<Duplex>;
}

type Connected = (error: Error | null, socket?: Duplex) => void;

/**
 * TLS over the connections of a host, kept alive until the agent is destroyed.
 * @param timeout milliseconds until a connection must stand
 */
export function agentOver(connector: Connector, options: AgentOptions & { timeout: number }): Agent {
  const agent = new Agent({ keepAlive: true, ...options });
  const { timeout } = options;
  // Node's own makes the TLS socket, over the connection that it is given; types know neither of the two
  const internals = agent as unknown as {
    createConnection: (target: object, connected?: Connected) => Duplex | undefined;
  };
  const overSocket = internals.createConnection.bind(agent);
  internals.createConnection = (target, connected) => {
    const { host, port } = target as { host: string; port: number };
    connector.connect(host, port, { timeout }).then(
      (socket) => connected?.(null, overSocket({ ...target, socket })),
      (error: unknown) => connected?.(error as Error),
    );
    return undefined;
  };
  return agent;
}

export interface Exchange {
  method: string;
  /** Sent as JSON. */
  body?: unknown;
  contentType?: string;
  /** Milliseconds that it may take. */
  timeout: number;
}

/** One HTTPS request and its answer as text, whatever its status. @throws an Error when nobody answers */
export function exchange(
  agent: Agent,
  url: URL,
  { method, body, contentType = 'application/json', timeout }: Exchange,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': contentType };
    const outgoing = request(url, { agent, method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
    });
    outgoing.setTimeout(timeout, () => outgoing.destroy(new Error(`no answer within ${timeout / 1000} s`)));
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
