import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { promisify } from 'node:util';

import { log, reasonOf } from '../log.ts';

/** Addresses of one link of this machine. */
export interface NodeLink {
  /** Those that it has. */
  addresses(): string[];
  /** Removes some, and lets others be there for this long from now on. */
  change(what: { remove: readonly string[]; keep: readonly string[]; seconds: number }): Promise<void>;
  /** So that whoever knows another place of an address forgets it. */
  tellOthers(address: string): void;
}

const run = promisify(execFile);

/** How often others are told, a second apart: one of these may be lost. */
const tellings = '3';

export async function nodeLink(name: string): Promise<NodeLink> {
  const telling = new Map<string, ChildProcess>();
  await speakForIpv6(name);
  return {
    addresses: () => (networkInterfaces()[name] ?? []).map(({ address }) => address),
    change: async ({ remove, keep, seconds }) => {
      // stop announcing these: another node is about to announce that it has them
      for (const address of remove) telling.get(address)?.kill();
      const lines = [
        ...remove.map((address) => `address delete ${host(address)} dev ${name}`),
        // Without a preferred lifetime it is never the machine's own address when the machine calls others. A new one
        // is added, one that is there lasts longer again: ip-address(8).
        ...keep.map(
          (address) => `address replace ${host(address)} dev ${name} valid_lft ${seconds} preferred_lft 0`,
        ),
      ];
      // to delete an address that has expired meanwhile is an error, and must not stop the other lines (-force)
      const ip = run('ip', ['-force', '-batch', '-']);
      ip.child.stdin?.end(`${lines.join('\n')}\n`);
      try {
        await ip;
      } catch (error) {
        const left = (networkInterfaces()[name] ?? []).map(({ address }) => address);
        if (
          keep.some((address) => !left.includes(address)) ||
          remove.some((address) => left.includes(address))
        )
          throw error;
      }
    },
    tellOthers: (address) => {
      // the kernel itself announces IPv6 addresses, see below
      if (isIPv6(address)) return;
      telling.get(address)?.kill();
      const arping = spawn('arping', ['-q', '-U', '-c', tellings, '-I', name, address], { stdio: 'ignore' });
      telling.set(address, arping);
      arping.on('error', (error) => {
        log.warning(`telling others of ${address}: ${reasonOf(error)}`);
      });
      arping.on('exit', () => {
        if (telling.get(address) === arping) telling.delete(address);
      });
    },
  };
}

/**
 * The kernel tells its neighbours of a new IPv6 address when it is asked to (ip-sysctl, ndisc_notify), and does so at
 * once when it need not look first whether somebody else has it (accept_dad).
 */
async function speakForIpv6(name: string): Promise<void> {
  const folder = `/proc/sys/net/ipv6/conf/${name}`;
  try {
    await writeFile(`${folder}/ndisc_notify`, '1\n');
    await writeFile(`${folder}/accept_dad`, '0\n');
  } catch (error) {
    // a kernel without IPv6 has no such files
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function host(address: string): string {
  return `${address}/${isIPv6(address) ? 128 : 32}`;
}
