import { printableCommand } from '../../../errors.ts';
import { renderExplainedUnit } from '../../../formats/explained-unit.ts';
import type { ExplainedSetting } from '../../../formats/explained-unit.ts';
import { escapeUnitValue } from '../../../formats/unit-name.ts';
import type { NodeResources } from '../../../spec/types.ts';
import type { PlannedCommand } from '../../types.ts';
import { clusterTarget, machineUnit, networkUnit, written } from './names.ts';

export interface DropInInput {
  machine: string;
  cluster: string;
  /** Folders on the host that must be mounted before. */
  needs: readonly string[];
  /** Run on the host once the machine runs. */
  started: readonly PlannedCommand[];
  /** cgroup v1: the script that enters cgroups of the machine's own; undefined on v2, which needs none. */
  enterCgroups: string | undefined;
  /** See MachineRunInput. */
  unifiedCgroup: boolean;
  /** The script that takes away what the machine leaves on the host whose network it shares. */
  sweep?: string;
}

/** Text of the drop-in for systemd-nspawn@NAME.service (systemd.service(5)): what has no setting in a .nspawn file. */
export function serviceDropIn(input: DropInInput): string {
  const { machine, cluster } = input;
  return renderExplainedUnit(
    `${written} for cluster ${cluster}. What systemd does for the machine ${machine}; what systemd-nspawn does is in ` +
      `/etc/systemd/nspawn/${machine}.nspawn. To change something, add a file of your own: systemctl edit ` +
      machineUnit(machine),
    {
      Unit: order(input),
      Service: [...limits, ...cgroupView(input), ...commands(input), ...ending],
      Install: [
        {
          key: 'WantedBy',
          value: clusterTarget(cluster),
          why: 'machinectl enable, machinectl disable: with the cluster, or not.',
        },
      ],
    },
  );
}

/** When the unit starts and stops, relative to the cluster's network and target. */
function order({ cluster, needs }: DropInInput): ExplainedSetting[] {
  const network = networkUnit(cluster);
  const target = clusterTarget(cluster);
  return [
    {
      key: 'Requires',
      value: network,
      why: 'The network of the cluster comes first. Both go with the cluster.',
    },
    { key: 'After', value: network },
    { key: 'PartOf', value: target },
    { key: 'Before', value: target },
    { key: 'RequiresMountsFor', value: needs.map(escapeUnitValue).join(' ') },
    { key: 'StartLimitIntervalSec', value: '0', why: 'However often it has failed, it is tried again.' },
  ];
}

/** What the machine may do, and how much it may use. */
const limits: readonly ExplainedSetting[] = [
  {
    key: 'Environment',
    value: 'SYSTEMD_NSPAWN_API_VFS_WRITABLE=network',
    why:
      '/proc/sys/net can be written: it belongs to the network of the machine, and kube-proxy and CNI plugins ' +
      'set things there. The rest of /proc/sys and /sys stays read-only.',
  },
  {
    key: 'DevicePolicy',
    value: 'auto',
    why: 'A pod may be given any device; which ones is for its own device filter to say.',
  },
  { key: 'DeviceAllow', value: '' },
  {
    key: 'TasksMax',
    value: 'infinity',
    why: 'A node runs a hundred pods and more; 16384 tasks are soon used up.',
  },
  {
    key: 'OOMPolicy',
    value: 'continue',
    why: 'When a pod runs out of memory, the pod ends and not the machine (until systemd 253 the default was to stop).',
  },
];

/** Which cgroups the machine sees, where that is not what the host has. */
function cgroupView({ unifiedCgroup }: DropInInput): ExplainedSetting[] {
  if (!unifiedCgroup) return [];
  return [
    {
      key: 'Environment',
      value: 'SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1',
      why:
        'The systemd of the machine knows cgroup v2 only, and this host has the controllers in v1: the machine mounts ' +
        'them itself, for containers.',
    },
  ];
}

/** What runs before and after systemd-nspawn. */
function commands({ machine, enterCgroups, started, sweep }: DropInInput): ExplainedSetting[] {
  return [
    {
      key: 'ExecStartPre',
      value:
        '-busctl --quiet call org.freedesktop.machine1 /org/freedesktop/machine1 ' +
        `org.freedesktop.machine1.Manager UnregisterMachine s ${machine}`,
      why:
        'systemd-machined may still know a machine whose systemd-nspawn was killed, and refuses another one of the ' +
        'same name. (Not machinectl terminate: that would stop this unit, which is just being started.)',
    },
    ...(enterCgroups === undefined ? [] : ownCgroups(enterCgroups)),
    ...started.map(({ argv, why, mayFail }) => ({
      key: 'ExecStartPost',
      value: escapeUnitValue(`${mayFail ? '-' : ''}${printableCommand(argv)}`),
      why,
    })),
    ...(sweep === undefined
      ? []
      : [
          {
            key: 'ExecStopPost',
            value: `-/bin/sh ${escapeUnitValue(sweep)}`,
            why: 'The machine shares the network of this host: rules and links of Kubernetes would stay there.',
          },
        ]),
  ];
}

/** How it ends, and when it is started again. */
const ending: readonly ExplainedSetting[] = [
  { key: 'Restart', value: 'on-failure', why: 'A node comes back; after a poweroff it does not.' },
  { key: 'RestartSec', value: '1s' },
  {
    key: 'TimeoutStopSec',
    value: '45s',
    why: 'Its units get 10 s each, then the processes of pods are ended; what is left after this is killed.',
  },
];

/** The only case in which ExecStart= must be another one: whoever makes the namespaces has to be in the cgroups before. */
function ownCgroups(script: string): ExplainedSetting[] {
  return [
    {
      key: 'ExecStart',
      value: [
        '',
        `/bin/sh ${escapeUnitValue(script)} ` +
          'systemd-nspawn --quiet --keep-unit --boot --settings=override --machine=%i',
      ],
      why:
        'cgroup v1: systemd makes cgroups for a service in some hierarchies only. In the others (cpuset, freezer, ' +
        'devices, ...) all machines would share one, and the pods of one node would be in the cgroups of another. ' +
        'The script enters cgroups of the same name in every hierarchy, then becomes systemd-nspawn.',
    },
  ];
}

/**
 * Text of a second drop-in (systemd.resource-control(5)), undefined when there are no limits. A file of its own:
 * `systemctl set-property` and `systemctl edit` change single limits of a running machine.
 */
export function limitsDropIn(machine: string, limits: Partial<NodeResources>): string | undefined {
  const { cpus, memory, tasks, ioWeight } = limits;
  const settings: ExplainedSetting[] = [
    ...(cpus === undefined ? [] : [{ key: 'CPUQuota', value: `${Math.round(cpus * 100)}%` }]),
    ...(memory === undefined ? [] : [{ key: 'MemoryMax', value: String(memory) }]),
    ...(tasks === undefined ? [] : [{ key: 'TasksMax', value: String(tasks) }]),
    ...(ioWeight === undefined ? [] : [{ key: 'IOWeight', value: String(ioWeight) }]),
  ];
  if (settings.length === 0) return undefined;
  return renderExplainedUnit(
    `${written}. Limits of the machine ${machine}. For now and for later: systemctl set-property ` +
      `${machineUnit(machine)} CPUQuota=150% MemoryMax=4G TasksMax=20000 IOWeight=50`,
    { Service: settings },
  );
}
