import type { ListeningPort } from '../../facts/types.ts';
import { readSockets } from '../../formats/proc-net.ts';
import type { Host } from '../../host/types.ts';
import { readQuietly } from './read.ts';

/** Ports that programs of this host wait at. */
export async function gatherListening(host: Host, arch: string): Promise<ListeningPort[]> {
  const files = [
    ...['tcp', 'tcp6', 'udp', 'udp6'].map((name) => `/proc/net/${name}`),
    // where the kernel has SCTP
    '/proc/net/sctp/eps',
  ];
  const texts = await Promise.all(files.map((file) => readQuietly(host, file)));
  const ports = files.flatMap((file, index) =>
    readSockets(file.slice('/proc/net/'.length), texts[index] ?? '', arch === 's390x' ? 'big' : 'little'),
  );
  const byText = new Map(ports.map((port) => [`${port.protocol} ${port.address} ${port.port}`, port]));
  return [...byText.values()];
}
