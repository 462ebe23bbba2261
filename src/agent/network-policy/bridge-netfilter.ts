/**
 * Pods of one node hang on one bridge, and what they send each other passes nftables' hook `forward` only with
 * br_netfilter. Each network namespace has its own switches, on by default.
 */

import { readFile, writeFile } from 'node:fs/promises';

import { log, reasonOf } from '../log.ts';
import type { Family } from './collections.ts';

const folder = '/proc/sys/net/bridge';
const switches: Record<Family, string> = { 4: 'bridge-nf-call-iptables', 6: 'bridge-nf-call-ip6tables' };

/** Switches it on. Where that cannot be done it says what that means. */
export async function filterBridge(families: readonly Family[], where = folder): Promise<void> {
  for (const family of families) {
    const file = `${where}/${switches[family]}`;
    try {
      if ((await readFile(file, 'utf8')).trim() !== '1') await writeFile(file, '1');
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      log.warning(
        `network policies are NOT enforced between pods of this node: ${
          missing
            ? "the host's kernel has not loaded br_netfilter; on the host: modprobe br_netfilter"
            : `${file}: ${reasonOf(error)}`
        }`,
      );
    }
  }
}
