/** nft(8) of nftables, asked for JSON: which chains exist, and with what policy. */

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
