import type { HostFacts, LinkState, SubnetInUse } from '../../facts/types.ts';
import { parseCidr } from '../../formats/cidr.ts';
import type { Host } from '../../host/types.ts';
import {
  addressesCommand,
  parseAddresses,
  parseDefaultRoute,
  parseRouterLinks,
  parseRoutes,
  routesCommand,
  type LinkWithAddresses,
} from '../../tools/ip.ts';
import { listChainCommand, parsePolicy, type IptablesProgram } from '../../tools/iptables.ts';
import { chainsCommand, parseChains, type NftChain } from '../../tools/nft.ts';
import { readQuietly } from './read.ts';

type Programs = HostFacts['programs'];

/** Links and addresses, and every subnet that has an address or a route here; default routes cover all and mean nothing. */
export async function gatherNetwork(
  host: Host,
  programs: Programs,
): Promise<
  Pick<HostFacts, 'links' | 'linkStates' | 'addresses' | 'defaultAddress' | 'subnetsInUse' | 'routerLinks'>
> {
  if (programs['ip'] === undefined) {
    return { links: await host.list('/sys/class/net'), addresses: [], subnetsInUse: [], routerLinks: [] };
  }
  const [addresses, routes] = await Promise.all([host.run(addressesCommand), host.run(routesCommand)]);
  const links = parseAddresses(addresses.stdout);
  const route = parseDefaultRoute(routes.stdout);
  const ofRoute = links.find(({ name }) => name === route?.link)?.addresses ?? [];
  const ofAddresses = links.flatMap(({ name, addresses: own }) =>
    own.map(({ address, prefixLength }): SubnetInUse => ({
      cidr: parseCidr(`${address}/${prefixLength}`).text,
      usedBy: `address of ${name}`,
      link: name,
    })),
  );
  const ofRoutes = parseRoutes(routes.stdout).map(({ destination, link }): SubnetInUse => ({
    cidr: parseCidr(destination).text,
    usedBy: link === undefined ? 'a route that leads nowhere' : `route via ${link}`,
    link: link ?? '',
  }));
  return {
    links: links.map(({ name }) => name),
    linkStates: Object.fromEntries(await Promise.all(links.map((link) => linkState(host, link)))),
    addresses: [...new Set(links.flatMap(({ addresses: own }) => own.map(({ address }) => address)))],
    defaultAddress: route?.source ?? ofRoute.find(({ address }) => !address.includes(':'))?.address,
    subnetsInUse: withoutRepeats([...ofAddresses, ...ofRoutes]),
    routerLinks: parseRouterLinks(routes.stdout),
  };
}

/** The kernel's own marks (Documentation/ABI/testing/sysfs-class-net, sysfs-class-net-phydev). */
async function linkState(host: Host, { name, up, master }: LinkWithAddresses): Promise<[string, LinkState]> {
  const has = async (mark: string) => (await host.stat(`/sys/class/net/${name}/${mark}`)) !== undefined;
  const [wireless, bridged, bonded] = await Promise.all(['phy80211', 'brport', 'bonding_slave'].map(has));
  const isPort = bridged === true || bonded === true;
  return [
    name,
    { up, wireless: wireless ?? false, ...(isPort && master !== undefined ? { partOf: master } : {}) },
  ];
}

/** Who else filters what this host forwards. Needs root; without it nothing is found. */
export async function gatherFirewall(
  host: Host,
  programs: Programs,
  pid1: string,
): Promise<HostFacts['firewall']> {
  const [chains, legacy, legacyIpv6, firewalldUnit] = await Promise.all([
    listNftChains(host, programs),
    inspectLegacyIptables(host, programs, 'iptables'),
    inspectLegacyIptables(host, programs, 'ip6tables'),
    isUnitActive(host, pid1, 'firewalld.service'),
  ]);
  // iptables-nft keeps its rules in these tables
  const isIptables = ({ family, table }: NftChain) => ['ip', 'ip6'].includes(family) && table === 'filter';
  const forwardersOf = (family: string, found: Forwarders): Forwarders => {
    const filter = chains.filter((chain) => chain.family === family && isIptables(chain));
    return {
      docker: found.docker || filter.some(({ name }) => name === 'DOCKER-USER'),
      forwardDrop:
        found.forwardDrop || filter.some(({ name, policy }) => name === 'FORWARD' && policy === 'drop'),
    };
  };
  const ipv6 = forwardersOf('ip6', legacyIpv6);
  const builtIn = chains
    .filter(({ family, hook }) => hook !== undefined && ['ip', 'ip6'].includes(family))
    .filter(({ table }) => ['filter', 'mangle', 'nat', 'raw'].includes(table))
    .map(({ family, table, name }) => `${family} ${table} ${name}`);
  const kubernetes = tablesOf(
    chains.filter(({ table, name }) => table === 'kube-proxy' || /^(KUBE|CNI)-/.test(name)),
  );
  return {
    ...forwardersOf('ip', legacy),
    ...(ipv6.docker || ipv6.forwardDrop ? { ipv6 } : {}),
    firewalld: firewalldUnit || chains.some(({ table }) => table === 'firewalld'),
    ...(builtIn.length > 0 ? { builtIn } : {}),
    ...(kubernetes.length > 0 ? { kubernetes } : {}),
    foreignDrops: chains
      .filter((chain) => chain.hook === 'forward' && chain.policy === 'drop')
      .filter(
        (chain) =>
          ['ip', 'ip6', 'inet'].includes(chain.family) && chain.table !== 'firewalld' && !isIptables(chain),
      )
      .map(({ family, table, name }) => `${family} ${table} ${name}`),
  };
}

function tablesOf(chains: readonly NftChain[]): string[] {
  return [...new Set(chains.map(({ family, table }) => `${family} ${table}`))];
}

interface Forwarders {
  docker: boolean;
  forwardDrop: boolean;
}

async function listNftChains(host: Host, programs: Programs): Promise<NftChain[]> {
  if (programs['nft'] === undefined) return [];
  const { exitCode, stdout } = await host.run(chainsCommand, { okExitCodes: 'any', timeout: 60_000 });
  return exitCode === 0 ? parseChains(stdout) : [];
}

/** The kernel lists its iptables-legacy tables; where there are none, iptables need not be started. */
async function inspectLegacyIptables(
  host: Host,
  programs: Programs,
  program: IptablesProgram,
): Promise<Forwarders> {
  const list = program === 'iptables' ? '/proc/net/ip_tables_names' : '/proc/net/ip6_tables_names';
  const tables = (await readQuietly(host, list)) ?? '';
  if (!tables.split('\n').includes('filter') || programs[program] === undefined) {
    return { docker: false, forwardDrop: false };
  }
  const [dockerUser, forward] = await Promise.all(
    ['DOCKER-USER', 'FORWARD'].map((chain) =>
      host.run(listChainCommand(program, chain), { okExitCodes: 'any' }),
    ),
  );
  return { docker: dockerUser?.exitCode === 0, forwardDrop: parsePolicy(forward?.stdout ?? '') === 'DROP' };
}

/** An active service has a cgroup; that is quicker to see than to ask systemctl. */
async function isUnitActive(host: Host, pid1: string, unit: string): Promise<boolean> {
  if (pid1 !== 'systemd') return false;
  const found = await Promise.all(
    ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd'].map((root) => host.stat(`${root}/system.slice/${unit}`)),
  );
  return found.some((info) => info !== undefined);
}

/** Every address has a route as well: the address says more. */
function withoutRepeats(subnets: readonly SubnetInUse[]): SubnetInUse[] {
  const seen = new Set<string>();
  return subnets.filter(({ cidr, link }) => {
    const key = `${cidr} ${link}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
