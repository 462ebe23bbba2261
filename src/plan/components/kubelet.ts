import { stringify } from 'yaml';

import type { Taint } from '../../spec/types.ts';
import { applyPatches } from '../../formats/merge-patch.ts';
import type { Flags } from '../../formats/systemd-unit.ts';
import type { PlannedCertificate } from '../../pki/types.ts';
import type { Component, ClusterContext, MachineContext } from './component.ts';
import { afterNetwork, pkiFolder } from './component.ts';
import { cgroupDriver } from './cgroup-driver.ts';
import { onCgroupV1 } from './cgroup-v1-beside.ts';
import { containerdEndpoint } from './containerd.ts';
import { kubeconfigFile } from './kubeconfig-file.ts';
import { kubernetesUnit } from './kubernetes-unit.ts';
import { pauseImage } from '../image.ts';
import { certificateFiles, certificatePaths, publicFile, readAgain } from './pki-files.ts';
import { featureGates, withExtraArgs } from './settings.ts';

const kubeconfig = '/etc/kubernetes/kubelet.conf';
const configFile = '/etc/kubernetes/kubelet.yaml';

/** The kubelet, on every node: asks the API server who may talk to it, lets nobody in anonymously. */
export const kubelet: Component = (machine, cluster) => {
  // the API server of a control plane is on its own loopback
  const network =
    machine.role === 'worker'
      ? { Wants: [afterNetwork.Wants], After: [afterNetwork.After] }
      : { Wants: [], After: [] };
  const client = `kubelet-${machine.name}`;
  const serving = `kubelet-serving-${machine.name}`;
  return {
    files: [
      publicFile('ca.crt'),
      ...certificateFiles(client),
      ...certificateFiles(serving),
      kubeconfigFile(kubeconfig, client, machine, cluster),
      {
        path: configFile,
        mode: 0o644,
        content: { text: stringify(configuration(machine, cluster, serving)) },
      },
    ],
    units: [
      {
        ...kubernetesUnit('kubelet', {
          description: 'Kubernetes kubelet',
          flags: withExtraArgs(
            ownFlags(machine, cluster),
            cluster.spec.components.kubelet.extraArgs,
            machine.spec.kubelet.extraArgs,
          ),
          wrap: (command) => onCgroupV1(command, machine, cluster),
          order: {
            Wants: ['containerd.service', ...network.Wants],
            // together with the API server, not after it: that takes 5 s longer. containerd is up in half a second
            // and the kubelet gives up without it.
            After: ['containerd.service knest-mounts.service', ...network.After],
          },
          // pods stay when the kubelet restarts
          after: { KillMode: 'process', Delegate: 'yes' },
        }),
        ignores: [
          // the kubelet reads it anew for each pod: no restart is needed
          '/etc/resolv.conf',
          ...readAgain(client),
          ...(readsServingAgain(machine, cluster) ? certificatePaths(serving) : []),
        ],
      },
    ],
    certificates: certificates(machine, client, serving),
    probes: [
      {
        says: 'kubelet is healthy',
        unit: 'kubelet.service',
        argv: ['curl', '-fsS', 'http://127.0.0.1:10248/healthz'],
      },
    ],
  };
};

function readsServingAgain(machine: MachineContext, cluster: ClusterContext): boolean {
  const gates = featureGates(machine, cluster);
  return machine.traits.kubeletReadsServingAgain && gates['ReloadKubeletServerCertificateFile'] !== false;
}

function ownFlags(machine: MachineContext, { facts }: ClusterContext): Flags {
  const { traits } = machine;
  return {
    config: configFile,
    kubeconfig,
    'hostname-override': machine.name,
    'node-ip': machine.addresses.map(({ address }) => address).join(','),
    'register-with-taints': traits.kubeletTaintsInConfig ? undefined : taintsFlag(machine),
    'container-runtime': traits.kubeletRemoteRuntimeFlag ? 'remote' : undefined,
    'container-runtime-endpoint': traits.kubeletEndpointInConfig ? undefined : containerdEndpoint,
    'pod-infra-container-image': traits.kubeletPauseImageFlag ? pauseImage : undefined,
    // on v1 the unit has no cgroup in every hierarchy, and the kubelet would complain of that every ten seconds
    'runtime-cgroups': facts.cgroup.version === 'v2' ? '/system.slice/containerd.service' : undefined,
  };
}

function certificates(machine: MachineContext, client: string, serving: string): PlannedCertificate[] {
  const node = {
    authority: 'ca',
    // what the Node authorizer wants to see (Kubernetes: "Using Node Authorization")
    commonName: `system:node:${machine.name}`,
    organizations: ['system:nodes'],
  };
  return [
    { name: client, ...node, usages: ['client'], dnsNames: [], ipAddresses: [] },
    {
      name: serving,
      ...node,
      usages: ['server'],
      dnsNames: [machine.name],
      ipAddresses: machine.addresses.map(({ address }) => address),
    },
  ];
}

/** They count when the node registers; later changes are those of the Node object. */
export function taintsOf({ spec, traits }: Pick<MachineContext, 'spec' | 'traits'>): readonly Taint[] {
  return spec.taints === 'control-plane'
    ? traits.controlPlaneTaints.map((key) => ({ key, value: '', effect: 'NoSchedule' }))
    : spec.taints;
}

/** For --register-with-taints: key=value:effect, separated by commas. */
function taintsFlag(machine: MachineContext): string | undefined {
  const taints = taintsOf(machine).map(({ key, value, effect }) => `${key}=${value}:${effect}`);
  return taints.length === 0 ? undefined : taints.join(',');
}

/** For registerWithTaints; an empty value is left out, as the API server does. */
function taintsSetting(machine: MachineContext) {
  const taints = taintsOf(machine).map(({ key, value, effect }) => ({
    key,
    ...(value === '' ? {} : { value }),
    effect,
  }));
  return taints.length === 0 ? {} : { registerWithTaints: taints };
}

/** KubeletConfiguration (kubelet.config.k8s.io/v1beta1). */
function configuration(machine: MachineContext, cluster: ClusterContext, serving: string) {
  const { traits } = machine;
  const { facts, spec } = cluster;
  const gates = featureGates(machine, cluster);
  const kubeReserved = reserved(machine, cluster);
  const own = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: `${pkiFolder}/ca.crt` },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: `${pkiFolder}/${serving}.crt`,
    tlsPrivateKeyFile: `${pkiFolder}/${serving}.key`,
    readOnlyPort: 0,
    // where kubeadm has them, too
    staticPodPath: '/etc/kubernetes/manifests',
    clusterDomain: 'cluster.local',
    clusterDNS: [cluster.dnsServiceAddress],
    resolvConf: '/etc/resolv.conf',
    cgroupDriver: cgroupDriver(facts),
    ...(traits.kubeletEndpointInConfig ? { containerRuntimeEndpoint: containerdEndpoint } : {}),
    ...(traits.kubeletTaintsInConfig ? taintsSetting(machine) : {}),
    ...(traits.kubeletFailCgroupV1 && facts.cgroup.version !== 'v2' ? { failCgroupV1: false } : {}),
    // /proc/sys is read-only in a machine: the kubelet only compares, the host holds the values it wants
    protectKernelDefaults: true,
    failSwapOn: false,
    // Looking every second makes a new node Ready up to nine seconds earlier than the default of ten; what has not
    // changed is still reported every five minutes only.
    nodeStatusUpdateFrequency: '1s',
    nodeStatusReportFrequency: '5m',
    // As kind: the disk is the host's and shared with much else, so its fill level must not evict pods.
    imageGCHighThresholdPercent: 100,
    ...(Object.keys(gates).length > 0 ? { featureGates: gates } : {}),
    ...(Object.keys(kubeReserved).length > 0 ? { kubeReserved } : {}),
    evictionHard: { 'nodefs.available': '0%', 'nodefs.inodesFree': '0%', 'imagefs.available': '0%' },
  };
  return applyPatches(own, [spec.components.kubelet.config, machine.spec.kubelet.config]);
}

/**
 * The kubelet sees the whole host and would offer all of it to pods. What the machine may not use counts as reserved,
 * so that the scheduler knows the node as it is (Kubernetes: "Reserve Compute Resources for System Daemons").
 */
function reserved({ spec }: MachineContext, { facts }: ClusterContext): Record<string, string> {
  const { cpus, memory } = spec.resources;
  return {
    ...(cpus !== undefined && cpus < facts.cpus ? { cpu: `${Math.round((facts.cpus - cpus) * 1000)}m` } : {}),
    ...(memory !== undefined && memory < facts.memoryBytes
      ? { memory: `${Math.floor((facts.memoryBytes - memory) / 1024)}Ki` }
      : {}),
  };
}
