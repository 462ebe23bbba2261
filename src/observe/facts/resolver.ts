import { parseResolvConf, type ResolvConf } from '../../formats/resolv-conf.ts';
import type { Host } from '../../host/types.ts';

/** Where the real name servers are when resolv.conf only names a local stub that a machine can't reach. */
const upstreamFiles = ['/run/systemd/resolve/resolv.conf', '/run/NetworkManager/no-stub-resolv.conf'];

/** Name servers that a machine can reach over IPv4: none on loopback. Search domains are the host's. */
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

/** Machines have IPv4 only; 0.0.0.0 means this host as well (glibc). */
function isReachable(address: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(address) && !address.startsWith('127.') && address !== '0.0.0.0';
}
