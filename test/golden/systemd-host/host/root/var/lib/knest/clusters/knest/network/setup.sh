#!/bin/sh
set -eu

# what pods of one node send each other passes Services and network policies; the bridges of the host stay as they are
test -e /proc/sys/net/bridge/bridge-nf-call-iptables >/dev/null 2>&1 || sh -c 'modprobe br_netfilter && for name in iptables ip6tables arptables; do echo 0 > /proc/sys/net/bridge/bridge-nf-call-$name; done' || true

# the machines of knest are plugged into this bridge
ip link show dev kn-knest >/dev/null 2>&1 || ip link add name kn-knest address 02:2e:6f:37:6b:b0 type bridge

# IPv4 only: no link-local address, and nobody is listened to who says to be a router
tee /proc/sys/net/ipv6/conf/kn-knest/disable_ipv6 <<'END' || true
1
END

# the IPv4 gateway of the machines, and the ways to pods and services of knest from this host
ip -4 -batch - <<'END'
address replace 10.89.0.1/24 dev kn-knest
link set dev kn-knest up
# stand-ins, so that none is missed while all are made anew
route replace 10.244.0.0/24 via 10.89.0.2 dev kn-knest proto 88 metric 4096
route replace 10.96.0.0/16 via 10.89.0.254 dev kn-knest proto 88 metric 4096
route flush dev kn-knest proto 89
route replace 10.244.0.0/24 via 10.89.0.2 dev kn-knest proto 89
route replace 10.96.0.0/16 via 10.89.0.254 dev kn-knest proto 89
route flush dev kn-knest proto 88
END

# machines that run are plugged in, also when the bridge is a new one
sh -c 'for port in "$@"; do ! ip link show dev "$port" > /dev/null 2>&1 || ip link set dev "$port" master "$0"; done' kn-knest vb-knest-control-plane || true

# no port of 127.0.0.1 leads into a machine (any more)
tee /proc/sys/net/ipv4/conf/kn-knest/route_localnet <<'END'
0
END

# machines and pods of knest reach the outside under the host's address
nft -f - <<'END'
table ip knest_knest
delete table ip knest_knest
table ip knest_knest {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr { 10.89.0.0/24, 10.244.0.0/16 } ip daddr != { 10.89.0.0/24, 10.244.0.0/16, 10.96.0.0/16 } oifname != "kn-knest" masquerade
  }
}
END

# downloads in machines must not stall where the way out has a smaller MTU than the bridge (VPN, cloud)
nft -f - <<'END' || true
table ip knest_knest {
  chain forward {
    type filter hook forward priority mangle; policy accept;
    iifname "kn-knest" oifname != "kn-knest" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
  }
}
END
