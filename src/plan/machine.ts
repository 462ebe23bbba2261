import type { HostFacts } from '../facts/types.ts';
import { hostBinds } from './binds.ts';
import { taintsOf } from './components/kubelet.ts';
import type { MachineContext } from './components/component.ts';
import type { MachineLink, ManagerPlanner } from './managers/types.ts';
import { plannedComponents } from './node-components.ts';
import type {
  ComponentPlan,
  MachinePlan,
  Paths,
  PlannedBind,
  PlannedCommand,
  PlannedFile,
  PlannedPort,
} from './types.ts';

export interface MachineInput {
  machine: MachineContext;
  slot: number;
  ports: readonly PlannedPort[];
  /** Ids of its layers, topmost first. */
  layers: readonly string[];
  /** What its components contribute. */
  parts: readonly ComponentPlan[];
  link: MachineLink;
  /** Folders of the cluster that this machine sees. */
  clusterBinds: readonly PlannedBind[];
  /** Paths of the host that it sees so far; undefined: it is new. */
  keptBinds: readonly string[] | undefined;
  cluster: string;
  /** Hash of root's password. */
  rootPassword: string | undefined;
  manager: ManagerPlanner;
  /** See MachineRunInput. */
  started: readonly PlannedCommand[];
  boosted: boolean;
  unifiedCgroup: boolean;
}

/** One machine, put together from what its components contribute. */
export function assembleMachine(input: MachineInput, facts: HostFacts, paths: Paths): MachinePlan {
  const { machine, parts, layers } = input;
  const { name, role, address, addresses, podSubnets, kubernetesVersion, spec } = machine;
  const folder = `${paths.state}/machines/${name}`;
  const root = input.manager.machineRoot(name, folder);
  const place = { folder, root, upper: `${folder}/upper`, work: `${folder}/work` };
  // overlayfs refuses an overlay as upper directory (containerd's snapshots), and etcd wants a plain file system
  const data = ['containerd', 'kubelet', 'knest-volumes', ...(role === 'control-plane' ? ['etcd'] : [])];
  const binds = [
    ...data.map((one) => ({ source: `${folder}/data/${one}`, target: `/var/lib/${one}` })),
    ...input.clusterBinds,
    ...hostBinds(spec, facts, input.keptBinds),
  ];
  const lower = layers.map((id) => `${paths.cache}/layers/${id}`);
  const files = uniqueFiles([
    ...parts.flatMap((part) => part.files),
    ...rootLogin(input.rootPassword, lower.at(-1) ?? ''),
  ]);
  const run = input.manager.planMachine(
    {
      ...place,
      name,
      cluster: input.cluster,
      clusterFolder: `${paths.state}/clusters/${input.cluster}`,
      lower,
      binds,
      link: input.link,
      resources: spec.resources,
      machineId: textAt(files, '/etc/machine-id'),
      started: input.started,
      boosted: input.boosted,
      unifiedCgroup: input.unifiedCgroup,
    },
    facts,
  );
  const taints = taintsOf(machine);
  return {
    name,
    role,
    slot: input.slot,
    address,
    addresses,
    podSubnets,
    ...(machine.lan ? { lan: machine.lan } : {}),
    kubernetesVersion,
    components: plannedComponents(machine.components),
    ports: input.ports,
    ...place,
    layers,
    binds,
    files,
    units: parts.flatMap((part) => part.units),
    probes: parts.flatMap((part) => part.probes),
    liveCommands: parts.flatMap((part) => part.liveCommands ?? []),
    nodePatch: {
      metadata: { labels: { ...roleLabels(machine), ...spec.labels } },
      spec: { podCIDR: podSubnets[0] ?? '', podCIDRs: podSubnets },
    },
    ...(taints.length > 0 ? { nodeTaints: taints } : {}),
    run,
  };
}

/** @param image the lowest layer: Debian */
function rootLogin(hash: string | undefined, image: string): PlannedFile[] {
  if (hash === undefined) return [];
  return [
    { path: '/etc/shadow', mode: 0o640, content: { rootPassword: hash, shadow: `${image}/etc/shadow` } },
    // Makes /run/nologin, which systemd-user-sessions.service would remove at the end of booting (pam_nologin(8)): until
    // then only root may log in, which is who does, and is told each time that the system is still booting.
    { path: '/etc/tmpfiles.d/systemd-nologin.conf', mode: 0o777, content: { link: '/dev/null' } },
  ];
}

function textAt(files: readonly PlannedFile[], path: string): string | undefined {
  const content = files.find((file) => file.path === path)?.content;
  return content && 'text' in content ? content.text.trim() : undefined;
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
    a.path < b.path ? -1 : 1,
  );
}
