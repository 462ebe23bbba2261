#!/bin/sh
set -eu

# IPv4 masquerading for knest, and its ports
nft delete table ip knest_knest || true

# the bridge of knest; its addresses and routes go with it
ip link delete dev kn-knest type macvlan || true
