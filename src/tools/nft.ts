/** nft(8) of nftables, asked for JSON: which chains exist, with what policy, and how many rules. */

import * as z from 'zod';

export const chainsCommand = ['nft', '-j', 'list', 'chains'] as const;

const listing = z.object({
  nftables: z.array(
    z.looseObject({
      chain: z
        .object({
          family: z.string(),
          table: z.string(),
          name: z.string(),
          hook: z.string().optional(),
          policy: z.string().optional(),
        })
        .optional(),
    }),
  ),
});

export interface NftChain {
  /** ip, ip6, inet, ... */
  family: string;
  table: string;
  name: string;
  /** Of base chains: forward, postrouting, ... */
  hook?: string | undefined;
  /** Of base chains: accept, drop. */
  policy?: string | undefined;
}

/** @throws an Error when the text is not what `nft -j list chains` prints. */
export function parseChains(json: string): NftChain[] {
  return listing.parse(JSON.parse(json)).nftables.flatMap(({ chain }) => (chain ? [chain] : []));
}

/** Of one table, with all that is in it. */
export function tableCommand(family: string, table: string): string[] {
  return ['nft', '-j', 'list', 'table', family, table];
}

const table = z.object({
  nftables: z.array(
    z.looseObject({
      chain: z.object({ name: z.string() }).optional(),
      rule: z.object({ chain: z.string() }).optional(),
    }),
  ),
});

/** How many rules each chain of a table has. @throws an Error when the text is not what `nft -j list table` prints */
export function parseRuleCounts(json: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { chain, rule } of table.parse(JSON.parse(json)).nftables) {
    if (chain) counts.set(chain.name, counts.get(chain.name) ?? 0);
    if (rule) counts.set(rule.chain, (counts.get(rule.chain) ?? 0) + 1);
  }
  return counts;
}
