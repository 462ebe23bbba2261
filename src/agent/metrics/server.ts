import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import { TLSSocket } from 'node:tls';

import { log } from '../log.ts';
import { documents } from './documents.ts';
import { failure } from './answers.ts';
import type { Answer } from './answers.ts';

export interface ServerOptions {
  /** PEM texts: certificate and key of this server, authority of those who may ask. */
  cert: string;
  key: string;
  ca: string;
  /** Common names that their certificates may have. */
  allowedNames: readonly string[];
  port: number;
}

/** Milliseconds. The API server looks every 30 s whether this is still there: with connections that are there already. */
const keepAliveTimeout = 75_000;

/**
 * Serves on loopback, to the API server of this machine alone (Kubernetes: "Configure the Aggregation Layer"): a client
 * without a certificate of the front proxy gets no connection, and one that does not say for whom it asks, no answer.
 * @returns once it listens
 */
export function serveMetrics(
  { cert, key, ca, allowedNames, port }: ServerOptions,
  answer: (url: URL) => Promise<Answer>,
): Promise<Server> {
  const tls = { cert, key, ca, requestCert: true, rejectUnauthorized: true };
  const server = createServer({ ...tls, keepAliveTimeout }, (request, response) => {
    respond(request, response, allowedNames, answer).catch((error: unknown) => {
      log.bug(error);
      send(response, failure(500, 'InternalError', 'see the journal of knest-agent'));
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  allowedNames: readonly string[],
  answer: (url: URL) => Promise<Answer>,
): Promise<void> {
  if (!allowedNames.includes(clientOf(request)) || !request.headers['x-remote-user']) {
    send(response, failure(401, 'Unauthorized', 'only the API server is answered, and for a user'));
    return;
  }
  if (request.method !== 'GET') {
    send(response, failure(405, 'MethodNotAllowed', 'metrics can only be read'));
    return;
  }
  const url = new URL(request.url ?? '/', 'https://localhost');
  const document = documents[url.pathname];
  if (document) sendDocument(request, response, document);
  else send(response, await answer(url));
}

/** Common name of the certificate, which TLS has verified. */
function clientOf({ socket }: IncomingMessage): string {
  const { subject } = socket instanceof TLSSocket ? socket.getPeerCertificate() : {};
  return String(subject?.CN ?? '');
}

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function sendDocument(request: IncomingMessage, response: ServerResponse, document: object): void {
  const text = JSON.stringify(document);
  const etag = `"${createHash('sha256').update(text).digest('hex')}"`;
  const known = request.headers['if-none-match'] === etag;
  response.writeHead(known ? 304 : 200, { 'content-type': 'application/json', etag });
  response.end(known ? undefined : text);
}
