import { createServer } from 'node:http';
import type { Server } from 'node:http';

import { bindPatiently } from './bind.ts';

/** What a page says, and whether that is good news; asked anew each time. */
export type Pages = Readonly<Record<string, () => { ok: boolean; text: string }>>;

/** Serves a few pages. Waits for an address that the machine does not have yet. */
export async function servePages(address: string, port: number, pages: Pages): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 5000 }, (request, response) => {
    const page = pages[new URL(request.url ?? '/', 'http://localhost').pathname];
    const { ok, text } = page?.() ?? { ok: false, text: 'no such page\n' };
    response.writeHead(page === undefined ? 404 : ok ? 200 : 503, {
      'content-type': 'text/plain; version=0.0.4',
    });
    response.end(text);
  });
  const listen = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, () => {
        server.off('error', reject);
        resolve();
      });
    });
  await bindPatiently(listen);
  return server;
}
