/** iptables(8) and ip6tables(8): asked only where its rules are not nftables underneath (iptables-legacy). */

export type IptablesProgram = 'iptables' | 'ip6tables';

/** `-S` prints rules as arguments, which are stable; there is no JSON. */
export function listChainCommand(program: IptablesProgram, chain: string): string[] {
  return [program, '--wait', '5', '-S', chain];
}

/** The policy in the first line of `iptables -S FORWARD`: "-P FORWARD DROP". */
export function parsePolicy(rules: string): string | undefined {
  return /^-P \S+ (\S+)$/m.exec(rules)?.[1];
}
