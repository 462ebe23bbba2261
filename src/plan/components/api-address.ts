import { createHash } from 'node:crypto';

import { asSubnet } from '../../formats/cidr.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import type { ClusterContext, Component, MachineContext } from './component.ts';
import {
  afterNetwork,
  apiPort,
  k8sTarget,
  nodeLink,
  nothing,
  pkiFolder,
  restartAlways,
} from './component.ts';

const configFile = '/etc/keepalived/keepalived.conf';
const checkScript = '/usr/local/lib/knest/api-is-ready';
const wasReady = '/run/knest-api-was-ready';

/**
 * The API's address where there are several control planes: keepalived gives it to one whose API server is ready, and to
 * another within about a second when that one dies (VRRP, RFC 5798). There is no machine in between that could fail,
 * and the same works for machines on a LAN. (Kubernetes: "Options for Software Load Balancing", keepalived.)
 */
export const apiAddress: Component = (machine, cluster) => {
  if (machine.role !== 'control-plane' || cluster.controlPlanes.length === 1) return nothing;
  return {
    ...nothing,
    files: [
      { path: configFile, mode: 0o644, content: { text: configuration(machine, cluster) } },
      { path: checkScript, mode: 0o755, content: { text: check } },
    ],
    units: [
      {
        name: 'knest-api-address.service',
        wantedBy: k8sTarget,
        text: renderUnit({
          Unit: {
            Description: 'Address of the Kubernetes API, held by one control plane at a time',
            Documentation: 'man:keepalived(8) man:keepalived.conf(5)',
            // networkd, when it sets the link up, takes away addresses that are not its own
            ...afterNetwork,
          },
          Service: {
            ExecStart: `/usr/sbin/keepalived --dont-fork --vrrp --use-file=${configFile}`,
            ...restartAlways,
          },
        }),
      },
    ],
    probes: [
      {
        says: 'keepalived runs',
        unit: 'knest-api-address.service',
        argv: ['systemctl', 'is-active', '--quiet', 'knest-api-address.service'],
      },
    ],
  };
};

/** keepalived.conf(5). Equal on all control planes but for name and priority, so that members need no list. */
function configuration(machine: MachineContext, { name, apiAddress: address }: ClusterContext): string {
  return `# Who holds ${address}, the address of the Kubernetes API.
global_defs {
  router_id ${machine.name}
  vrrp_version 3
  enable_script_security
  script_user root
  # above other work of a busy host: three announcements that come late make another one take over
  vrrp_priority -15
}

vrrp_script api {
  script ${checkScript}
  interval 1
  timeout 3
  fall 2
  rise 1
}

vrrp_instance api {
  interface ${nodeLink}
  virtual_router_id ${routerId(name)}
  # nobody takes the address from a healthy one: every change ends connections
  state BACKUP
  nopreempt
  priority ${priority(machine)}
  # seconds; three missing ones and the holder is taken for dead
  advert_int 0.3
  virtual_ipaddress {
    ${asSubnet(address)} dev ${nodeLink}
  }
  track_script {
    api
  }
}
`;
}

/** 1 to 255: two clusters on one LAN must not have the same. */
function routerId(cluster: string): number {
  return 1 + ((createHash('sha256').update(cluster).digest()[0] ?? 0) % 255);
}

/** Among several who could take over, the one with the lowest address does. */
function priority({ address }: MachineContext): number {
  const last = Number.parseInt(address.split(/[.:]/).at(-1) ?? '0', address.includes(':') ? 16 : 10);
  return 250 - (last % 200);
}

/** Not ready counts only once the API server has been: while all machines boot, somebody must have the address. */
const check = `#!/bin/sh
# Whether the API server here may be talked to; keepalived asks every second.
ready() {
  curl -fs --max-time $1 -o /dev/null --cacert ${pkiFolder}/ca.crt https://127.0.0.1:${apiPort}/readyz
}
if [ -e ${wasReady} ]; then
  ready 2
elif ready 0.2; then
  touch ${wasReady}
fi
`;
