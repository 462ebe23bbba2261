import type { Answer } from 'dns-packet';

import { canonicalName, familyOf, reverseName } from './names.ts';

/** Extra names that are neither the cluster's nor another server's, as /etc/hosts has them. */
export type Hosts = Readonly<Record<string, readonly string[]>>;

/** @returns undefined for a name that is none of them; an empty list when it has nothing of that type */
export type HostLookup = (name: string, type: string) => readonly Answer[] | undefined;

/** @param ttl seconds */
export function hostLookup(hosts: Hosts, ttl: number): HostLookup {
  const records = new Map<string, Answer[]>();
  const add = (name: string, record: Answer): void => {
    records.set(name, [...(records.get(name) ?? []), record]);
  };
  for (const [written, addresses] of Object.entries(hosts)) {
    const name = canonicalName(written);
    for (const address of addresses) {
      add(name, { type: familyOf(address) === 4 ? 'A' : 'AAAA', name, ttl, data: address });
      const reverse = reverseName(address);
      add(reverse, { type: 'PTR', name: reverse, ttl, data: name });
    }
  }
  return (name, type) => records.get(name)?.filter((record) => record.type === type);
}
