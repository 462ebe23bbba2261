/** What a cluster leaves on a bed: nothing, when it is deleted. */

import type { Bed } from './bed.ts';

/** Lines that are the same before the first cluster and after the last. */
export async function tracesOn(bed: Pick<Bed, 'ok'>): Promise<string[]> {
  const lines = (await bed.ok(['sh', '-c', look])).split('\n').filter((line) => line !== '');
  return [...new Set(lines)].sort();
}

const look = `
find /etc /var/lib/knest /var/lib/machines /var/cache/knest -path /var/cache/knest/layers -prune -o -print
find /run/systemd/nspawn /run/knest -mindepth 2 2>/dev/null
ls -1 /var/log/journal /run/systemd/machines 2>/dev/null
ip -o link | cut -d: -f2 | cut -d@ -f1
ip -o -4 address | awk '{ print $2, $4 }'
ip -4 route
nft -s list ruleset
cut -d' ' -f5 /proc/self/mountinfo
find /sys/fs/cgroup -type d \\( -name '*nspawn*' -o -name 'kubepods*' \\)
systemctl list-units --all --plain --no-legend 'knest*' 'systemd-nspawn@*' 'var-lib-machines-*' | awk '{ print $1 }'
sysctl -a 2>/dev/null | grep -E '^net[.](ipv4[.](ip_forward|conf[.](all|default)[.]route_localnet)|ipv6[.]conf[.]all[.]forwarding)'
`;
