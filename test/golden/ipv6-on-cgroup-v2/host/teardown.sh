#!/bin/sh
set -eu

# IPv6 masquerading for knest, and its ports
nft delete table ip6 knest_knest || true

# the bridge of knest; its addresses and routes go with it
ip link delete dev kn-knest type bridge || true
