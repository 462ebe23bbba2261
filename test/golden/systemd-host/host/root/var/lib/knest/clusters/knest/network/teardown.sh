#!/bin/sh
set -eu

# masquerading for knest
nft delete table ip knest_knest || true

# the bridge of knest; its address and routes go with it
ip link delete dev kn-knest type bridge || true
