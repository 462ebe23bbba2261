#!/bin/sh
set -eu

# rules of Kubernetes and CNI plugins on this host, found by the names of their chains; all others stay
chroot /var/cache/knest/layers/rootfs-trixie-amd64-HASH sh -c 'for family in iptables ip6tables; do
  $family-save | awk '\''
    /^[*]/ { table = $0; declared = jumps = chains = ""; next }
    /^:(KUBE|CNI)-/ { name = substr($1, 2); declared = declared ":" name " - [0:0]\n"; chains = chains "-X " name "\n"; next }
    /^-A (KUBE|CNI)-/ { next }
    /^-A .* -[jg] (KUBE|CNI)-/ { sub(/^-A/, "-D"); jumps = jumps $0 "\n" }
    /^COMMIT/ && declared jumps != "" { printf "%s\n%s%s%sCOMMIT\n", table, declared, jumps, chains }
  '\'' | $family-restore --noflush
done' || true

# kube-proxy's own tables, and that of network policies
chroot /var/cache/knest/layers/rootfs-trixie-amd64-HASH sh -c 'for table in "$0" "$@"; do nft delete table $table 2> /dev/null; done; true' 'ip kube-proxy' 'ip6 kube-proxy' 'inet knest_policy' || true

# chains of iptables that this host did not have before, where nothing is left in them, and empty tables
chroot /var/cache/knest/layers/rootfs-trixie-amd64-HASH sh -c 'for chain in "$0" "$@"; do
  nft list chain $chain 2> /dev/null | grep -q '\''policy accept'\'' || continue
  nft delete chain $chain 2> /dev/null || true
done
for family in ip ip6; do
  for table in filter mangle nat raw; do
    rules=$(nft list table $family $table 2> /dev/null) || continue
    echo "$rules" | grep -vqE '\''^(table .*|[}]|)$'\'' || nft delete table $family $table
  done
done' 'ip filter INPUT' 'ip filter FORWARD' 'ip filter OUTPUT' 'ip mangle PREROUTING' 'ip mangle INPUT' 'ip mangle FORWARD' 'ip mangle OUTPUT' 'ip mangle POSTROUTING' 'ip nat PREROUTING' 'ip nat INPUT' 'ip nat OUTPUT' 'ip nat POSTROUTING' 'ip raw PREROUTING' 'ip raw OUTPUT' 'ip6 filter INPUT' 'ip6 filter FORWARD' 'ip6 filter OUTPUT' 'ip6 mangle PREROUTING' 'ip6 mangle INPUT' 'ip6 mangle FORWARD' 'ip6 mangle OUTPUT' 'ip6 mangle POSTROUTING' 'ip6 nat PREROUTING' 'ip6 nat INPUT' 'ip6 nat OUTPUT' 'ip6 nat POSTROUTING' 'ip6 raw PREROUTING' 'ip6 raw OUTPUT' || true

# the bridge of pods; its routes go with it
ip link delete dev cni0 type bridge || true

# IPv4 masquerading for knest, and its ports
nft delete table ip knest_knest || true
