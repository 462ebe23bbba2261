import { contains, familyOf } from '../../formats/cidr.ts';
import { parseResolvConf, type ResolvConf } from '../../formats/resolv-conf.ts';
import type { Host } from '../../host/types.ts';

/** Where the real name servers are when resolv.conf only names a local stub that a machine can't reach. */
const upstreamFiles = ['/run/systemd/resolve/resolv.conf', '/run/NetworkManager/no-stub-resolv.conf'];

/** Name servers that a machine can reach: none on loopback. Search domains are the host's. */
export async function gatherResolver(host: Host): Promise<ResolvConf> {
  const own = parseResolvConf((await host.readFile('/etc/resolv.conf')) ?? '');
  for (const path of [undefined, ...upstreamFiles]) {
    const text = path === undefined ? undefined : await host.readFile(path);
    const { nameservers, searchDomains } = path === undefined ? own : parseResolvConf(text ?? '');
    const usable = nameservers.filter(isReachable);
    if (usable.length === 0) continue;
    return {
      nameservers: usable,
      searchDomains: own.searchDomains.length > 0 ? own.searchDomains : searchDomains,
    };
  }
  return { nameservers: [], searchDomains: own.searchDomains };
}

/** 0.0.0.0 and :: mean this host as well (glibc); a scope (fe80::1%eth0) is a link that machines don't have. */
function isReachable(address: string): boolean {
  const family = familyOf(address);
  if (family === undefined) return false;
  return family === 4
    ? !address.startsWith('127.') && address !== '0.0.0.0'
    : !['::1/128', '::/128', 'fe80::/10'].some((subnet) => contains(subnet, address));
}
