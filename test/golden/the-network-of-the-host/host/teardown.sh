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

# tables of iptables that this host did not have before, where nothing is left in them
chroot /var/cache/knest/layers/rootfs-trixie-amd64-HASH sh -c 'IFS=,
for table in $0; do
  IFS='\'' '\''
  rules=$(nft list table $table 2> /dev/null) || continue
  echo "$rules" | grep -vqE '\''^(table .*|[[:space:]]*chain .*|[[:space:]]*type .* policy accept;|[[:space:]]*}|)$'\'' || nft delete table $table
done' 'ip filter,ip mangle,ip nat,ip raw,ip6 filter,ip6 mangle,ip6 nat,ip6 raw' || true

# the bridge of pods; its routes go with it
ip link delete dev cni0 type bridge || true

# IPv4 masquerading for knest, and its ports
nft delete table ip knest_knest || true
