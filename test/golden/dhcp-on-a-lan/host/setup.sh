#!/bin/sh
set -eu

# the host routes IPv6 between machines and the outside (now 0)
sysctl -w net.ipv6.conf.all.forwarding=1

# node ports on 127.0.0.1: the default of new machines, whose kube-proxy counts on it (now 0)
sysctl -w net.ipv4.conf.all.route_localnet=1

# node ports on 127.0.0.1: the default of new machines, whose kube-proxy counts on it (now 0)
sysctl -w net.ipv4.conf.default.route_localnet=1

# what pods of one node send each other passes Services and network policies; the bridges of the host stay as they are
test -e /proc/sys/net/bridge/bridge-nf-call-iptables >/dev/null 2>&1 || sh -c 'modprobe br_netfilter && for name in iptables ip6tables arptables; do echo 0 > /proc/sys/net/bridge/bridge-nf-call-$name; done' || true

# this host reaches the machines of knest by this link, and not by eth0 itself
ip link show dev kn-knest >/dev/null 2>&1 || ip link add name kn-knest link eth0 address 02:ca:aa:fa:fe:99 type macvlan mode bridge

# only machines are told that this host is behind kn-knest; the rest of the LAN finds it behind eth0
tee /proc/sys/net/ipv4/conf/kn-knest/arp_filter <<'END'
1
END

# IPv4 only: no link-local address, and nobody is listened to who says to be a router
tee /proc/sys/net/ipv6/conf/kn-knest/disable_ipv6 <<'END' || true
1
END

# the IPv4 gateway of the machines, and the ways to pods and services of knest from this host
ip -4 -batch - <<'END'
address replace 169.254.64.14/32 dev kn-knest
link set dev kn-knest up
# stand-ins, so that none is missed while all are made anew
route replace 192.0.2.103/32 dev kn-knest scope link src 169.254.64.14 proto 88 metric 4096
route replace 10.244.0.0/24 via 192.0.2.103 dev kn-knest onlink src 169.254.64.14 proto 88 metric 4096
route replace 10.96.0.0/16 via 192.0.2.103 dev kn-knest onlink src 169.254.64.14 proto 88 metric 4096
route flush dev kn-knest proto 89
route replace 192.0.2.103/32 dev kn-knest scope link src 169.254.64.14 proto 89
route replace 10.244.0.0/24 via 192.0.2.103 dev kn-knest onlink src 169.254.64.14 proto 89
route replace 10.96.0.0/16 via 192.0.2.103 dev kn-knest onlink src 169.254.64.14 proto 89
route flush dev kn-knest proto 88
END

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
    ip saddr { 192.0.2.103/32, 10.244.0.0/16 } ip daddr != { 192.0.2.103/32, 10.244.0.0/16, 10.96.0.0/16 } oifname != "kn-knest" masquerade
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
