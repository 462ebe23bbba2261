/** The DHCP server of a bed's LAN, as a router has one: busybox(1) udhcpd. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';

import type { Bed } from './bed.ts';

export interface DhcpServer {
  stop: () => Promise<void>;
}

/** Gives addresses from `first` to `last`, and the bed's real host as router and name server. */
export async function startDhcpServer(bed: Bed, first: string, last: string): Promise<DhcpServer> {
  const config = [
    `start ${first}`,
    `end ${last}`,
    'max_leases 20',
    'interface lan0',
    'lease_file /tmp/leases',
    'pidfile /tmp/pid',
    'option subnet 255.255.255.0',
    'option router 192.168.55.1',
    'option dns 192.168.55.1',
    'option domain lan.test',
    // seconds: machines renew at half of it, so within a test
    'option lease 120',
    '',
  ].join('\n');
  // its files are on a /tmp of its own, which is gone with it
  const script =
    'mount -t tmpfs tmpfs "$0/tmp" && cat > "$0/tmp/config" && touch "$0/tmp/leases" && echo ready && ' +
    'exec chroot "$0" busybox udhcpd -f /tmp/config';
  const [file = '', ...args] = bed.lanCommand(['unshare', '--mount', '--', 'sh', '-c', script, bed.image]);
  const server = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(server, 'exit');
  server.stdin.end(config);
  await Promise.race([once(server.stdout, 'data'), ended]);
  if (server.exitCode !== null) throw new Error(`the DHCP server ended with ${server.exitCode}`);
  return {
    stop: async () => {
      server.kill('SIGKILL');
      await ended;
    },
  };
}
