import { readFileSync, unwatchFile, watchFile } from 'node:fs';

import { parseResolvConf } from '../../formats/resolv-conf.ts';
import type { Server } from './exchange.ts';

/** @param text "192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]:5353" */
export function parseServer(text: string): Server {
  const [, address, port] = /^\[(.+)\](?::(\d+))?$/.exec(text) ?? /^([^:]+):(\d+)$/.exec(text) ?? [];
  return { address: address ?? text, port: Number(port ?? 53) };
}

/** The name servers of a resolv.conf, without those that are ourselves: a question would go in circles. */
export function upstreamServers(text: string, ourselves: readonly string[]): Server[] {
  return parseResolvConf(text)
    .nameservers.filter((address) => !ourselves.includes(address))
    .map(parseServer);
}

/** Tells the servers of the file now and whenever it has changed. */
export function followResolvConf(
  path: string,
  ourselves: readonly string[],
  tell: (servers: Server[]) => void,
): { servers: Server[]; stop: () => void } {
  const read = (): Server[] => {
    try {
      return upstreamServers(readFileSync(path, 'utf8'), ourselves);
    } catch {
      return [];
    }
  };
  const listener = (): void => {
    tell(read());
  };
  // looking every five seconds also sees a file that is replaced or comes later
  watchFile(path, { interval: 5000, persistent: false }, listener);
  return {
    servers: read(),
    stop: () => {
      unwatchFile(path, listener);
    },
  };
}
