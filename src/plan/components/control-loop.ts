import type { Flags } from '../../formats/systemd-unit.ts';
import type { PlannedFile } from '../types.ts';
import type { ClusterContext, MachineContext } from './component.ts';
import { apiPort, pkiFolder } from './component.ts';
import { featureGates, featureGatesFlag } from './settings.ts';

/**
 * What kube-controller-manager and kube-scheduler have in common: both watch the API server with a kubeconfig, let it
 * decide who may read their metrics, and listen on loopback only.
 */
export function controlLoopFlags(
  kubeconfig: string,
  machine: MachineContext,
  cluster: ClusterContext,
): Flags {
  const elects = cluster.controlPlanes.length > 1;
  return {
    kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'bind-address': '127.0.0.1',
    port: machine.traits.insecurePortFlag ? 0 : undefined,
    'client-ca-file': `${pkiFolder}/ca.crt`,
    'requestheader-client-ca-file': `${pkiFolder}/front-proxy-ca.crt`,
    // electing a leader costs a second at start and needs a second candidate to be worth it
    'leader-elect': elects,
    // the first try comes before the API server allows it; with the default the second one is two seconds later
    'leader-elect-retry-period': elects ? '1s' : undefined,
    'feature-gates': featureGatesFlag(featureGates(machine, cluster)),
    profiling: false,
  };
}

const waitScript = '/usr/local/lib/knest/wait-for-leader';

/**
 * Delays the candidates on all control planes but the first until one of them leads (from then on the lease exists), or for
 * twenty seconds. Only the leader works: while a cluster starts, the others would only take processor time from it.
 */
export function afterLeader(
  lease: string,
  certificate: string,
  machine: MachineContext,
  { controlPlanes }: ClusterContext,
): { files: PlannedFile[]; commands: string[] } {
  if (controlPlanes[0]?.name === machine.name) return { files: [], commands: [] };
  return {
    files: [{ path: waitScript, mode: 0o755, content: { text: script } }],
    commands: [`${waitScript} ${lease} ${pkiFolder}/${certificate}.crt ${pkiFolder}/${certificate}.key`],
  };
}

const script = `#!/bin/sh
# Waits until somebody holds the lease of a controller; asks the API server of this machine.
# usage: wait-for-leader LEASE CERTIFICATE KEY
leases=https://127.0.0.1:${apiPort}/apis/coordination.k8s.io/v1/namespaces/kube-system/leases
for attempt in $(seq 20); do
  curl -fs --max-time 2 -o /dev/null --cacert ${pkiFolder}/ca.crt --cert $2 --key $3 $leases/$1 && exit 0
  sleep 1
done
`;
