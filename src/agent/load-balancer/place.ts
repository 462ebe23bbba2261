/** Which node answers for which address. */

import type { Wish } from './services.ts';

export interface Candidate {
  name: string;
  /** Its Node says Ready, and its agent has answered of late. */
  fit: boolean;
  /** Takes addresses only when no worker can: when a control plane dies, Services shall not move as well. */
  controlPlane: boolean;
}

export interface Placing {
  wishes: readonly Pick<Wish, 'name' | 'local'>[];
  /** By name of the Service. */
  addresses: ReadonlyMap<string, readonly string[]>;
  /** All nodes that may answer. */
  candidates: readonly Candidate[];
  /** By name of the Service: nodes with ready endpoints of it. */
  endpoints: (service: string) => ReadonlySet<string>;
  /** Who answers for an address so far. */
  before: ReadonlyMap<string, string>;
}

/**
 * The node of each address. An address stays where it is while that node is fit: every move breaks connections. Otherwise
 * it goes to the fit node with the fewest addresses. When no node is fit it stays with the unfit one that has it. For a
 * Service with externalTrafficPolicy: Local only nodes with a ready endpoint are fit; when there is none, no node answers.
 */
export function placeAddresses(placing: Placing): Map<string, string> {
  const { wishes, addresses, candidates, endpoints, before } = placing;
  const placed = new Map<string, string>();
  const load = new Map(candidates.map(({ name }) => [name, 0]));
  const put = (address: string, node: string): void => {
    placed.set(address, node);
    load.set(node, (load.get(node) ?? 0) + 1);
  };
  const isFit = (service: Pick<Wish, 'name' | 'local'>, { name, fit }: Candidate): boolean =>
    fit && (!service.local || endpoints(service.name).has(name));
  const all = wishes.flatMap((service) =>
    (addresses.get(service.name) ?? []).map((address) => ({ service, address })),
  );
  const homeless = all.filter(({ service, address }) => {
    const node = candidates.find(({ name }) => name === before.get(address));
    if (!node || !isFit(service, node)) return true;
    put(address, node.name);
    return false;
  });
  for (const { service, address } of homeless) {
    const able = candidates.filter((candidate) => isFit(service, candidate));
    const workers = able.filter(({ controlPlane }) => !controlPlane);
    const fit = workers.length > 0 ? workers : able;
    const fewest = Math.min(...fit.map(({ name }) => load.get(name) ?? 0));
    const old = candidates.find(({ name }) => name === before.get(address));
    const chosen = fit.find(({ name }) => load.get(name) === fewest) ?? (service.local ? undefined : old);
    if (chosen) put(address, chosen.name);
  }
  return placed;
}
