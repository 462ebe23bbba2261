/**
 * Makes this node answer for the addresses that are its business, and for no other of the pool. The kernel answers; which
 * endpoints a connection leads to is kube-proxy's business.
 *
 * Addresses end by themselves unless they are put there again and again: should the agent die and its machine live, the
 * node that takes over is soon the only one that answers.
 */

import { inRange, parseRange } from '../../formats/address-range.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { log, reasonOf } from '../log.ts';
import { addressesOf, watchAnnouncements } from './announcements.ts';
import type { NodeLink } from './link.ts';

export interface AnnouncerOptions {
  /** Name of this node. */
  node: string;
  /** Ranges of addresses: what is in there and on the link was put there by us. */
  pool: readonly string[];
  link: NodeLink;
  /** Milliseconds between two looks, and that an address lasts after the last one. */
  times?: { look: number; lifetime: number };
}

/** Works for as long as the process lives. Returns when it is known for the first time what to answer for. */
export async function runAnnouncer(
  api: KubernetesClient,
  { node, pool, link, times = { look: 5000, lifetime: 20_000 } }: AnnouncerOptions,
): Promise<void> {
  const ranges = pool.map(parseRange);
  let wanted: readonly string[] | undefined;
  let wake = (): void => undefined;
  const listed = watchAnnouncements(api, (object) => {
    wanted = addressesOf(object, node).filter((address) => ranges.some((range) => inRange(range, address)));
    wake();
  });
  await listed;
  // the object may be missing, and then nothing is told of it
  wanted ??= [];
  void lookForEver();

  async function lookForEver(): Promise<never> {
    let blocked = false;
    for (;;) {
      const seen = wanted ?? [];
      try {
        await bringAbout(seen);
        blocked = false;
      } catch (error) {
        if (!blocked) log.warning(`addresses of Services: ${reasonOf(error)}`);
        blocked = true;
      }
      if (wanted !== seen) continue;
      await new Promise<void>((resolve) => {
        // with nothing to answer for there is nothing to look at until that changes
        const timer = seen.length > 0 || blocked ? setTimeout(resolve, times.look) : undefined;
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async function bringAbout(addresses: readonly string[]): Promise<void> {
    const present = link.addresses().filter((address) => ranges.some((range) => inRange(range, address)));
    const gone = present.filter((address) => !addresses.includes(address));
    const fresh = addresses.filter((address) => !present.includes(address));
    if (gone.length === 0 && addresses.length === 0) return;
    await link.change({ remove: gone, keep: addresses, seconds: times.lifetime / 1000 });
    for (const address of gone) log.info(`answers no more for ${address}`);
    for (const address of fresh) {
      log.info(`answers for ${address}`);
      link.tellOthers(address);
    }
  }
}
