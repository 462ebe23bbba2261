/** Checks that the DNS settings of a config fit together. */

import type { Problem } from '../../errors.ts';
import type { At } from '../problems.ts';
import type { Config } from '../schema.ts';
import { completeDns } from '../complete/dns.ts';

const clusterDomain = 'cluster.local';

/** Refuses settings that the chosen DNS server would ignore, and names that belong to the cluster. */
export function dnsProblems(config: Partial<Config>, at: At): Problem[] {
  if (config.dns === undefined || typeof config.dns === 'string') return [];
  const { provider, ...given } = config.dns;
  const { stubDomains } = completeDns(config);
  const problems: Problem[] = [];
  if (given.image !== undefined && provider !== 'coredns') {
    problems.push({
      ...at(['dns', 'image']),
      message: `is of CoreDNS, and provider is ${provider ?? 'knest'}`,
      hint: 'say provider: coredns, or leave it out',
    });
  }
  if (provider === 'none') {
    const unread = (['stubDomains', 'hosts', 'upstream'] as const).filter((key) => given[key] !== undefined);
    problems.push(
      ...unread.map((key) => ({
        ...at(['dns', key]),
        message: 'is read by nobody: provider is none',
        hint: 'tell it to the DNS that you bring, or use another provider',
      })),
    );
  }
  for (const domain of Object.keys(stubDomains)) {
    if (`.${domain}`.endsWith(`.${clusterDomain}`)) {
      problems.push({
        ...at(['dns', 'stubDomains', domain]),
        message: `${clusterDomain} is the cluster’s own: nobody else is asked for names in it`,
        hint: 'for single names there, use hosts',
      });
    }
  }
  return problems;
}
