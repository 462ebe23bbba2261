import type { Flags } from '../../formats/systemd-unit.ts';
import type { ClusterContext, MachineContext } from './component.ts';
import { pkiFolder } from './component.ts';
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
  return {
    kubeconfig,
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'bind-address': '127.0.0.1',
    port: machine.traits.insecurePortFlag ? 0 : undefined,
    'client-ca-file': `${pkiFolder}/ca.crt`,
    'requestheader-client-ca-file': `${pkiFolder}/front-proxy-ca.crt`,
    // electing a leader costs a second at start and needs a second candidate to be worth it
    'leader-elect': cluster.controlPlanes.length > 1,
    'feature-gates': featureGatesFlag(featureGates(machine, cluster)),
    profiling: false,
  };
}
