import type { HostFacts } from '../facts/types.ts';
import type { MachineContext } from './components/component.ts';
import { planLaunch } from './nspawn/launch.ts';
import type { ComponentPlan, MachinePlan, Paths, PlannedCommand, PlannedFile, PlannedPort } from './types.ts';

export interface MachineInput {
  machine: MachineContext;
  slot: number;
  ports: readonly PlannedPort[];
  /** Ids of its layers, topmost first. */
  layers: readonly string[];
  /** What its components contribute. */
  parts: readonly ComponentPlan[];
  bridge: string;
  /** See LaunchPlan. */
  started: readonly PlannedCommand[];
}

/** One machine, put together from what its components contribute. */
export function assembleMachine(input: MachineInput, facts: HostFacts, paths: Paths): MachinePlan {
  const { machine, parts, layers } = input;
  const { name, role, address, addresses, podSubnets, kubernetesVersion, spec } = machine;
  const folder = `${paths.state}/machines/${name}`;
  const place = { folder, root: `${folder}/root`, upper: `${folder}/upper`, work: `${folder}/work` };
  // overlayfs refuses an overlay as upper directory (containerd's snapshots), and etcd wants a plain file system
  const data = ['containerd', 'kubelet', ...(role === 'control-plane' ? ['etcd'] : [])];
  const binds = [
    ...data.map((one) => ({ source: `${folder}/data/${one}`, target: `/var/lib/${one}` })),
    // for fuse file systems in pods
    { source: '/dev/fuse', target: '/dev/fuse' },
    ...spec.extraMounts.map(({ hostPath, containerPath, readOnly }) => ({
      source: hostPath,
      target: containerPath,
      ...(readOnly ? { readOnly } : {}),
    })),
  ];
  return {
    name,
    role,
    slot: input.slot,
    address,
    addresses,
    podSubnets,
    kubernetesVersion,
    ports: input.ports,
    ...place,
    layers,
    binds,
    files: uniqueFiles(parts.flatMap((part) => part.files)),
    units: parts.flatMap((part) => part.units),
    probes: parts.flatMap((part) => part.probes),
    live: parts.flatMap((part) => part.live ?? []),
    nodePatch: {
      metadata: { labels: { ...roleLabels(machine), ...spec.labels } },
      spec: { podCIDR: podSubnets[0] ?? '', podCIDRs: podSubnets },
    },
    launch: planLaunch(
      {
        ...place,
        name,
        lower: layers.map((id) => `${paths.cache}/layers/${id}`),
        binds,
        bridge: input.bridge,
        resources: spec.resources,
        started: input.started,
      },
      facts,
    ),
  };
}

/** As kubeadm labels nodes; `kubectl get nodes` shows them as ROLES. A kubelet may not give itself such labels. */
function roleLabels({ role, traits }: MachineContext): Record<string, string> {
  if (role === 'worker') return {};
  return {
    'node-role.kubernetes.io/control-plane': '',
    ...(traits.masterLabel ? { 'node-role.kubernetes.io/master': '' } : {}),
  };
}

/** Components share files (ca.crt): each is written once. */
function uniqueFiles(files: readonly PlannedFile[]): PlannedFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()].sort((a, b) =>
    a.path.localeCompare(b.path, 'en'),
  );
}
