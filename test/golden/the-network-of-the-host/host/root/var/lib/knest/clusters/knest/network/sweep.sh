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

# kube-proxy's own table (ip)
chroot /var/cache/knest/layers/rootfs-trixie-amd64-HASH sh -c 'nft delete table "$0" kube-proxy 2> /dev/null' ip || true

# kube-proxy's own table (ip6)
chroot /var/cache/knest/layers/rootfs-trixie-amd64-HASH sh -c 'nft delete table "$0" kube-proxy 2> /dev/null' ip6 || true

# chains and tables of iptables that this host did not have before, where nothing is left in them
chroot /var/cache/knest/layers/rootfs-trixie-amd64-HASH sh -c 'for chain in "$0" "$@"; do
  nft list chain $chain 2> /dev/null | grep -q '\''policy accept'\'' || continue
  nft delete chain $chain 2> /dev/null || continue
  table=${chain% *}
  nft list table $table | grep -q chain || nft delete table $table
done' 'ip filter INPUT' 'ip filter FORWARD' 'ip filter OUTPUT' 'ip mangle PREROUTING' 'ip mangle INPUT' 'ip mangle FORWARD' 'ip mangle OUTPUT' 'ip mangle POSTROUTING' 'ip nat PREROUTING' 'ip nat INPUT' 'ip nat OUTPUT' 'ip nat POSTROUTING' 'ip raw PREROUTING' 'ip raw OUTPUT' 'ip6 filter INPUT' 'ip6 filter FORWARD' 'ip6 filter OUTPUT' 'ip6 mangle PREROUTING' 'ip6 mangle INPUT' 'ip6 mangle FORWARD' 'ip6 mangle OUTPUT' 'ip6 mangle POSTROUTING' 'ip6 nat PREROUTING' 'ip6 nat INPUT' 'ip6 nat OUTPUT' 'ip6 nat POSTROUTING' 'ip6 raw PREROUTING' 'ip6 raw OUTPUT' || true

# the bridge of pods; its routes go with it
ip link delete dev cni0 type bridge || true
