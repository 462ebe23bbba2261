import type { PlannedFile } from '../types.ts';
import type { Component } from './component.ts';
import { nothing } from './component.ts';

/** Where knest-agent is told of new pods, to have their network policies ready. */
export const podSocket = '/run/knest-agent.sock';

const bridgePlugin = '/usr/lib/cni/bridge';

/**
 * The pod network: CNI's own bridge plugin with a planned subnet per node; no daemon (containernetworking.dev). Other
 * nodes' pods are reached by routes between the machines (see operating-system.ts).
 */
export const podNetwork: Component = (machine, cluster) => {
  const { cni, networkPolicy } = cluster.spec.network;
  if (cni === 'none') return nothing;
  const text = JSON.stringify(configuration(machine.podSubnets, networkPolicy), undefined, 2) + '\n';
  return {
    ...nothing,
    files: [
      { path: '/etc/cni/net.d/10-knest.conflist', mode: 0o644, content: { text } },
      ...(networkPolicy ? [announcingPlugin] : []),
    ],
  };
};

/**
 * The bridge plugin, which tells the agent the addresses of a new pod before any program of the pod runs. Where nobody
 * listens the pod starts all the same.
 */
const announcingPlugin: PlannedFile = {
  path: '/usr/lib/cni/knest-bridge',
  mode: 0o755,
  content: {
    text: `#!/bin/sh
# CNI plugin: ${bridgePlugin}, and waits until network policies for the new pod are in place.
[ "$CNI_COMMAND" = ADD ] || exec ${bridgePlugin}
result=$(${bridgePlugin}) || { code=$?; printf '%s\\n' "$result"; exit "$code"; }
# knest-agent may be starting as well
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  printf '%s' "$result" | curl -s --max-time 5 --unix-socket ${podSocket} -H "cni-args: $CNI_ARGS" \\
    --data-binary @- http://knest-agent/pods >/dev/null
  # 7: nobody listens
  [ $? -eq 7 ] || break
  sleep 0.2
done
printf '%s\\n' "$result"
`,
  },
};

function configuration(podSubnets: readonly string[], networkPolicy: boolean) {
  return {
    // what containerd 1.6 understands as well
    cniVersion: '0.4.0',
    name: 'knest',
    plugins: [
      {
        type: networkPolicy ? 'knest-bridge' : 'bridge',
        bridge: 'cni0',
        isGateway: true,
        // pods keep their addresses: on other nodes by the machines' routes, outside the host masquerades
        ipMasq: false,
        // a pod reaches itself through its own Service
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: podSubnets.map((subnet) => [{ subnet }]),
          routes: podSubnets.map((subnet) => ({ dst: subnet.includes(':') ? '::/0' : '0.0.0.0/0' })),
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}
