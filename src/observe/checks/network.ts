import { contains, familyOf } from '../../formats/cidr.ts';
import { linkProblem } from '../../plan/network/lan.ts';
import { isLoopbackUrl, loopbackHint } from '../../spec/validate/registries.ts';
import type { Check, HostFacts } from '../../facts/types.ts';
import { ok, problem, warning } from './verdicts.ts';

/** Links, name servers, and who else filters packets here. */
export function networkChecks(facts: HostFacts): Check[] {
  return [
    ...checkLinkKinds(facts),
    checkIpv6(facts),
    checkIpvs(facts),
    checkBridgeNetfilter(facts),
    checkNameservers(facts),
    ...checkProxies(facts),
    ...checkLan(facts),
    ...checkNode(facts),
    ...checkNetworkManager(facts),
    ...checkFirewalls(facts),
  ];
}

function checkLinkKinds({ linkKinds }: HostFacts): Check[] {
  if (linkKinds === undefined) return [];
  const absent = ['bridge', 'veth'].filter((kind) => !linkKinds.includes(kind));
  if (absent.length === 0) return [ok('links', 'The kernel can make bridges and virtual Ethernet links.')];
  return [
    problem(
      'links',
      `The kernel can't make links of kind ${absent.join(' and ')}.`,
      `load what is missing (modprobe ${absent.join(' ')}), or use a kernel that has it; it also takes CAP_NET_ADMIN`,
    ),
  ];
}

/** Nothing is wrong where it is missing: IPv4 is the default. */
function checkIpv6({ ipv6 }: HostFacts): Check {
  return ok(
    'ipv6',
    ipv6
      ? 'The kernel has IPv6: clusters may be ipv4, ipv6 or dual.'
      : 'The kernel has no IPv6, or it is switched off: clusters have IPv4 only.',
  );
}

function checkIpvs({ ipvs }: HostFacts): Check {
  return ok(
    'ipvs',
    ipvs
      ? 'The kernel has IPVS: kube-proxy may use iptables, nftables or ipvs.'
      : 'The kernel has no IPVS: kube-proxy may use iptables or nftables.',
  );
}

function checkBridgeNetfilter({ bridgeNetfilter }: HostFacts): Check {
  if (bridgeNetfilter)
    return ok(
      'br-netfilter',
      'The kernel has br_netfilter: Services and network policies hold within a node, too.',
    );
  return warning(
    'br-netfilter',
    'The kernel has no br_netfilter: pods of one node reach each other by no Service, and network policies do not ' +
      'hold between them.',
    'use a kernel that has it (CONFIG_BRIDGE_NETFILTER), or network.cni none with an add-on that needs no bridge',
  );
}

function checkNameservers({ nameservers }: HostFacts): Check {
  const name = 'name-servers';
  if (nameservers.some((address) => familyOf(address) === 4))
    return ok(name, `Machines use the name server ${nameservers.join(', ')}.`);
  return warning(
    name,
    nameservers.length > 0
      ? `All name servers of this host have IPv6 addresses (${nameservers.join(', ')}): clusters with IPv4 only reach none.`
      : 'No name server of this host can be reached from a machine: all are on loopback, or there are none.',
    'name one with an IPv4 address in /etc/resolv.conf; without it machines and pods resolve no outside names',
  );
}

function checkProxies({ proxyEnvironment }: HostFacts): Check[] {
  const given = ['http_proxy', 'https_proxy'].filter((name) => proxyEnvironment[name] !== undefined);
  const away = given.filter((name) => isLoopbackUrl(proxyEnvironment[name]));
  if (given.length === 0) return [];
  if (away.length === 0)
    return [ok('proxy', `Nodes pull images through the proxies in ${given.join(' and ')}.`)];
  return [
    warning(
      'proxy',
      `The proxy in ${away.join(' and ')} is on loopback: nodes cannot reach it, and pull images without it.`,
      loopbackHint,
    ),
  ];
}

/** Whether nodes can be hosts of the LAN; nothing is wrong where they can't: a bridge is the default. */
function checkLan(facts: HostFacts): Check[] {
  const { defaultAddress, subnetsInUse, linkStates = {} } = facts;
  const link = subnetsInUse.find(
    ({ cidr, usedBy, link: name }) =>
      defaultAddress !== undefined && usedBy === `address of ${name}` && contains(cidr, defaultAddress),
  )?.link;
  if (link === undefined || linkStates[link] === undefined) return [];
  const problem = linkProblem(link, facts);
  return [
    ok(
      'macvlan',
      problem === undefined
        ? `Nodes may be hosts of the LAN of ${link}: --network macvlan:${link}.`
        : `Nodes cannot be hosts of the LAN of this host: ${problem.message}.`,
    ),
  ];
}

function checkNode({ firewall: { kubernetes = [] } }: HostFacts): Check[] {
  if (kubernetes.length === 0) return [];
  const tables = kubernetes.join(', ');
  return [
    ok(
      'kubernetes',
      `This host is a node of Kubernetes already (rules in ${tables}): all networks can be had but --network host.`,
    ),
  ];
}

function checkNetworkManager({ programs, pid1 }: HostFacts): Check[] {
  if (programs['NetworkManager'] === undefined) return [];
  const name = 'network-manager';
  if (pid1 === 'systemd')
    return [ok(name, 'NetworkManager is installed; knest tells it to leave the links of clusters alone.')];
  return [
    warning(
      name,
      'NetworkManager is installed, and without systemd knest does not tell it to leave the links of clusters alone.',
      'where it runs: unmanaged-devices+=interface-name:kn-*;interface-name:vb-* in a file below /etc/NetworkManager/conf.d',
    ),
  ];
}

function checkFirewalls({ firewall, programs }: HostFacts): Check[] {
  const { docker, firewalld, forwardDrop = false, foreignDrops = [] } = firewall;
  const checks: Check[] = [];
  if (docker || forwardDrop) checks.push(checkIptables('iptables', docker, programs));
  if (firewall.ipv6) checks.push(checkIptables('ip6tables', firewall.ipv6.docker, programs));
  if (firewalld) {
    checks.push(
      programs['firewall-cmd'] === undefined
        ? warning(
            'firewalld',
            'firewalld runs but firewall-cmd is not installed: it will reject what machines send.',
            "put the cluster's bridge into a trusted zone yourself",
          )
        : ok(
            'firewalld',
            "firewalld runs; knest puts each cluster's bridge into the zone trusted until it is deleted.",
          ),
    );
  }
  if (foreignDrops.length > 0) {
    checks.push(
      warning(
        'nftables',
        `The chain ${foreignDrops.join(', ')} drops what no rule of its own accepts, and so what machines send.`,
        'accept there what comes from and goes to the bridges of knest: iifname "kn-*" accept; oifname "kn-*" accept',
      ),
    );
  }
  if (checks.length === 0) checks.push(ok('firewall', 'No firewall on this host drops what machines send.'));
  return checks;
}

function checkIptables(
  program: 'iptables' | 'ip6tables',
  docker: boolean,
  programs: HostFacts['programs'],
): Check {
  const name = `${docker ? 'docker' : 'iptables'}${program === 'ip6tables' ? '-ipv6' : ''}`;
  const chain = docker ? 'DOCKER-USER' : 'FORWARD';
  const who = docker ? `Docker's rules (${program}) drop` : `The chain FORWARD of ${program} drops`;
  if (programs[program] !== undefined) {
    return ok(
      name,
      `${who} what is forwarded; knest accepts each cluster's bridge in ${chain} until it is deleted.`,
    );
  }
  return warning(
    name,
    `${who} what is forwarded, and ${program} is not installed to make an exception.`,
    'install the package iptables',
  );
}
