import { renderKubeconfig } from '../../formats/kubeconfig.ts';
import type { PlannedFile } from '../types.ts';
import type { ClusterContext, MachineContext } from './component.ts';
import { apiPort, pkiFolder } from './component.ts';

/** Kubeconfig of a component inside a machine; its certificate is named like `certificate`. */
export function kubeconfigFile(
  path: string,
  certificate: string,
  machine: MachineContext,
  cluster: ClusterContext,
): PlannedFile {
  // on a control plane its own API server: loopback is up before the machine has an address
  const server = machine.role === 'control-plane' ? `https://127.0.0.1:${apiPort}` : cluster.endpoint;
  const text = renderKubeconfig({
    name: cluster.name,
    server,
    authority: { file: `${pkiFolder}/ca.crt` },
    certificate: { file: `${pkiFolder}/${certificate}.crt` },
    key: { file: `${pkiFolder}/${certificate}.key` },
  });
  return { path, mode: 0o600, content: { text } };
}
