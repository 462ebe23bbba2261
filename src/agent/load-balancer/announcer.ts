/**
 * Makes this node answer for the addresses that the controller has given it, and for no other of the pool. The kernel
 * answers; kube-proxy leads each connection to an endpoint.
 *
 * Addresses are set with a short lifetime and renewed again and again. If the agent dies and its machine lives, they soon
 * expire there, and only the node that takes over answers.
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
  // without the object nothing is told, and this node answers for no address
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
        // without addresses there is nothing to renew until some are given
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
