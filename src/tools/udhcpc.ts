/** busybox(1) udhcpc: asking the DHCP server of a LAN for an address, in the name of a machine that is not there yet. */

import * as z from 'zod';

import type { Lease } from '../facts/types.ts';
import { canonicalAddress } from '../formats/cidr.ts';

export interface LeaseRequest {
  /** Link of the host that is on the LAN. */
  parent: string;
  /** Of the machine; the server knows it by that. */
  mac: string;
  /** Told to the server, which may enter it into the LAN's DNS. */
  hostname: string;
  /** A root file system with busybox; nothing is written to it. */
  root: string;
}

/**
 * Asks with the machine's MAC address, by a macvlan link in a network namespace of its own: both are gone with the
 * command, and the host's own network notices nothing. The lease stays, for the machine to take over.
 * Exits with 1 when nobody answers, with 3 when another link has the MAC address all the time: see lan-node.ts.
 */
export function leaseCommand({ parent, mac, hostname, root }: LeaseRequest): string[] {
  return ['sh', '-c', outside, 'lease', parent, mac, hostname, root];
}

/** In the namespaces; $1 hostname, $2 root. The link appears when the shell outside has made it. */
const inside = `set -eu
n=0
until ip link set dev lease0 up 2> /dev/null; do n=$((n+1)); [ $n -lt 1200 ] || exit 3; sleep 0.1; done
mount -t tmpfs tmpfs "$2/tmp"
cat > "$2/tmp/tell" << "END"
#!/bin/sh
[ "$1" = bound ] || exit 0
for name in ip mask router dns domain lease serverid; do eval "echo \\"$name=\\\${$name:-}\\""; done
END
chmod 755 "$2/tmp/tell"
exec chroot "$2" busybox udhcpc -i lease0 -f -n -q -t 6 -T 2 -x "hostname:$1" -s /tmp/tell
`;

/** $1 parent, $2 MAC, $3 hostname, $4 root. What is inside ends with this shell. */
const outside = `set -eu
setpriv --pdeathsig KILL -- unshare --net --mount -- sh -c '${inside}' lease "$3" "$4" & child=$!
until [ "$(readlink /proc/$child/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do kill -0 $child; sleep 0.02; done
ip link add name lease0 link "$1" address "$2" netns $child type macvlan mode bridge || { kill $child; exit 2; }
wait $child
`;

const address = z.string().transform((text, context) => {
  const canonical = canonicalAddress(text);
  if (canonical === undefined) context.addIssue({ code: 'custom', message: `"${text}" is no address` });
  return canonical ?? '';
});

const told = z.object({
  ip: address,
  mask: z.coerce.number().int().min(1).max(32),
  router: z.string(),
  dns: z.string(),
  domain: z.string(),
  lease: z.coerce.number().int().min(0),
  serverid: address,
});

/** What the script of leaseCommand has written. @throws an Error when that is no lease */
export function parseLease(text: string): Lease {
  const pairs = text.split('\n').flatMap((line) => {
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    return key === undefined ? [] : [[key, value]];
  });
  const { ip, mask, router, dns, domain, lease, serverid } = told.parse(Object.fromEntries(pairs));
  return {
    address: ip,
    prefixLength: mask,
    router: addressesIn(router)[0],
    nameservers: addressesIn(dns),
    searchDomains: domain.split(/\s+/).filter((name) => /^[a-z\d.-]+$/i.test(name)),
    seconds: lease,
    server: serverid,
  };
}

function addressesIn(list: string): string[] {
  return list.split(/\s+/).flatMap((one) => canonicalAddress(one) ?? []);
}
