#!/bin/sh
set -eu

# machines and pods of knest reach the outside under the host's address
nft -f - <<'END'
table ip knest_knest
delete table ip knest_knest
table ip knest_knest {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr { 10.244.0.0/16 } ip daddr != { 10.244.0.0/16, 10.96.0.0/16 } oifname != "cni0" masquerade
  }
}
END

# downloads in machines must not stall where the way out has a smaller MTU than the bridge (VPN, cloud)
nft -f - <<'END' || true
table ip knest_knest {
  chain forward {
    type filter hook forward priority mangle; policy accept;
    iifname "cni0" oifname != "cni0" tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
  }
}
END
