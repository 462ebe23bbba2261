/** iptables(8) and ip6tables(8): asked where rules are not nftables underneath (iptables-legacy), or are knest's own. */

export type IptablesProgram = 'iptables' | 'ip6tables';

/** `-S` prints rules as arguments, which are stable; there is no JSON. */
export function listChainCommand(program: IptablesProgram, chain: string, table = 'filter'): string[] {
  return [program, '--wait', '5', ...(table === 'filter' ? [] : ['--table', table]), '-S', chain];
}

/** The policy in the first line of `iptables -S FORWARD`: "-P FORWARD DROP". */
export function parsePolicy(rules: string): string | undefined {
  return /^-P \S+ (\S+)$/m.exec(rules)?.[1];
}
