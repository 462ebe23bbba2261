import { request } from 'node:https';
import type { Agent } from 'node:https';

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
