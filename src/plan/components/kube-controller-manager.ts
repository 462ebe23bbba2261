import type { Flags } from '../../formats/systemd-unit.ts';
import type { ClusterContext, Component, MachineContext } from './component.ts';
import { afterApiServer, nothing, pkiFolder } from './component.ts';
import { afterLeader, controlLoopFlags } from './control-loop.ts';
import { kubeconfigFile } from './kubeconfig-file.ts';
import { kubernetesUnit } from './kubernetes-unit.ts';
import {
  certificateFiles,
  clientCertificate,
  publicFile,
  readAgain,
  secretFile,
  signerFile,
} from './pki-files.ts';
import { volumeSettings, withExtraArgs } from './settings.ts';

const kubeconfig = '/etc/kubernetes/controller-manager.conf';

/** kube-controller-manager, on control planes. */
export const kubeControllerManager: Component = (machine, cluster) => {
  if (machine.role !== 'control-plane') return nothing;
  const standby = afterLeader('kube-controller-manager', 'controller-manager', machine, cluster);
  const settings = cluster.spec.components.kubeControllerManager;
  return {
    files: [
      ...standby.files,
      publicFile('ca.crt'),
      signerFile('ca'),
      secretFile('ca.key'),
      publicFile('front-proxy-ca.crt'),
      secretFile('sa.key'),
      ...certificateFiles('controller-manager'),
      kubeconfigFile(kubeconfig, 'controller-manager', machine, cluster),
    ],
    units: [
      {
        ...kubernetesUnit('kube-controller-manager', {
          description: 'Kubernetes controller manager',
          flags: withExtraArgs(ownFlags(machine, cluster), settings.extraArgs),
          order: afterApiServer,
          before: volumeSettings(settings, standby.commands),
        }),
        ignores: readAgain('controller-manager'),
      },
    ],
    certificates: [clientCertificate('controller-manager', 'system:kube-controller-manager')],
    probes: [
      {
        says: 'kube-controller-manager is healthy',
        unit: 'kube-controller-manager.service',
        // its serving certificate is one it made itself, for this port only
        argv: ['curl', '-fsSk', 'https://127.0.0.1:10257/healthz'],
      },
    ],
  };
};

function ownFlags(machine: MachineContext, cluster: ClusterContext): Flags {
  return {
    ...controlLoopFlags(kubeconfig, machine, cluster),
    'root-ca-file': `${pkiFolder}/ca.crt`,
    'cluster-name': cluster.name,
    // of one certificate: ca.crt has two while authorities are exchanged, and two are refused
    'cluster-signing-cert-file': `${pkiFolder}/ca-signer.crt`,
    'cluster-signing-key-file': `${pkiFolder}/ca.key`,
    'service-account-private-key-file': `${pkiFolder}/sa.key`,
    'use-service-account-credentials': true,
    controllers: '*,bootstrapsigner,tokencleaner',
    'cluster-cidr': cluster.podSubnets.join(','),
    'service-cluster-ip-range': cluster.serviceSubnets.join(','),
    // pod subnets are planned with the machines, so that routes and CNI files can be written before anything runs
    'allocate-node-cidrs': false,
    // With the default of 20 a second, starting thirty controllers takes twelve seconds, and until the last one runs no
    // namespace has a service account that pods could start with. The API server is on the same machine.
    'kube-api-qps': 200,
    'kube-api-burst': 400,
  };
}
