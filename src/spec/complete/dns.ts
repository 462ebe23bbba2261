import type { Config } from '../schema.ts';
import type { DnsSpec } from '../types.ts';

/** Both ways to write it in one form. */
export function completeDns({ dns = {} }: Partial<Config>): DnsSpec {
  const {
    provider = 'knest',
    image,
    stubDomains = {},
    hosts = {},
    upstream,
  } = typeof dns === 'string' ? { provider: dns } : dns;
  return {
    provider,
    image,
    stubDomains: withoutDots(stubDomains),
    hosts: withoutDots(hosts),
    upstream,
  };
}

/** "example." and "example" are the same name. */
function withoutDots<T>(byName: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(byName).map(([name, value]) => [name.replace(/\.$/, ''), value]));
}
