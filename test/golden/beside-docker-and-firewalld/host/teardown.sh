#!/bin/sh
set -eu

# undo: DOCKER-USER of iptables would drop what is sent to machines of knest
iptables --wait 10 --table filter --delete DOCKER-USER -o kn-knest -m comment --comment 'knest knest' -j ACCEPT || true

# undo: DOCKER-USER of iptables would drop what machines of knest send
iptables --wait 10 --table filter --delete DOCKER-USER -i kn-knest -m comment --comment 'knest knest' -j ACCEPT || true

# firewalld need not know the bridge of knest any more
firewall-cmd --quiet --zone=trusted --remove-interface=kn-knest || true

# nor its files
firewall-cmd --quiet --permanent --zone=trusted --remove-interface=kn-knest || true

# the zone is firewalld's own again, where nobody else has added to it
sh -c 'cd /etc/firewalld/zones && [ -e trusted.xml ] || exit 0; grep -qE '\''<(interface|source|service|port|protocol|source-port|rule|masquerade|icmp-|forward-port|helper)'\'' trusted.xml || rm -f trusted.xml trusted.xml.old' || true

# IPv4 masquerading for knest, and its ports
nft delete table ip knest_knest || true

# the bridge of knest; its addresses and routes go with it
ip link delete dev kn-knest type bridge || true
