import type { Problem } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { versionTraits } from '../versions/traits.ts';

/**
 * What a cluster wants of the kernel, which all nodes share with the host, and does not get.
 * @param versions of Kubernetes on its nodes: "v1.20.2"
 */
export function kernelProblems(
  { network }: Pick<ClusterSpec, 'network'>,
  facts: Pick<HostFacts, 'ipv6' | 'ipvs'>,
  versions: readonly string[],
): Problem[] {
  const { ipFamily, proxyMode } = network;
  const problems: Problem[] = [];
  if (ipFamily !== 'ipv4' && !facts.ipv6) {
    problems.push({
      path: 'network.ipFamily',
      message: `is ${ipFamily}, and this host has no IPv6: its kernel lacks it, or it is switched off`,
      hint: 'use ipv4, or switch it on: sysctl net.ipv6.conf.all.disable_ipv6=0',
    });
  }
  if (proxyMode === 'ipvs' && !facts.ipvs) {
    problems.push({
      path: 'network.proxyMode',
      message: "is ipvs, and this host's kernel has no IPVS (ip_vs) and can't load it",
      hint: 'use auto, iptables or nftables',
    });
  }
  const tooOld = versions.find((version) => !versionTraits(version).proxyNftablesAvailable);
  if (proxyMode === 'nftables' && tooOld !== undefined) {
    problems.push({
      path: 'network.proxyMode',
      message: `is nftables, which kube-proxy has from Kubernetes v1.31 on, and a node has ${tooOld}`,
      hint: 'use auto or iptables',
    });
  }
  return problems;
}
