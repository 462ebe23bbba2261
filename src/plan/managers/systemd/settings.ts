import { renderExplainedUnit } from '../../../formats/explained-unit.ts';
import type { ExplainedSetting } from '../../../formats/explained-unit.ts';
import { escapeUnitValue } from '../../../formats/unit-name.ts';
import type { PlannedBind } from '../../types.ts';
import { systemCalls } from '../system-calls.ts';
import type { MachineLink } from '../types.ts';
import { machineUnit, written } from './names.ts';

export interface NspawnFileInput {
  machine: string;
  cluster: string;
  binds: readonly PlannedBind[];
  link: MachineLink;
}

/**
 * Text of /etc/systemd/nspawn/NAME.nspawn (systemd.nspawn(5)). The host's systemd-nspawn@.service has
 * --settings=override: what is said here wins over its flags, and so its ExecStart= can stay as it is.
 */
export function nspawnFile({ machine, cluster, binds, link }: NspawnFileInput): string {
  return renderExplainedUnit(
    `${written} for cluster ${cluster}. Settings of the machine ${machine}, read when ${machineUnit(machine)} starts; ` +
      'they win over the flags of that unit. See systemd.nspawn(5).',
    {
      Exec: [
        { key: 'Boot', value: 'yes', why: 'Process 1 is the systemd of the machine.' },
        {
          key: 'PrivateUsers',
          value: 'no',
          why:
            'No user namespace: root in the machine is root. A kubelet mounts file systems, and pods may be ' +
            'privileged. A machine is a node, not a sandbox.',
        },
        {
          key: 'Capability',
          value: 'all',
          why: 'All capabilities that the host has to give: a privileged pod may ask for any of them.',
        },
        {
          key: 'SystemCallFilter',
          value: systemCalls.join(' '),
          why:
            'Beyond what machines may call anyway: runc makes a session keyring for each container; device filters ' +
            '(cgroup v2), Cilium and others are BPF programs; perf and tracers measure; programs for security watch ' +
            'files; storage drivers set quotas.',
        },
        {
          key: 'ResolvConf',
          value: 'off',
          why: "Name servers and time zone are in the machine's own files.",
        },
        { key: 'Timezone', value: 'off' },
        {
          key: 'LinkJournal',
          value: 'try-guest',
          why: 'Where the host keeps its journal on disk, it has a link to that of the machine: journalctl -m.',
        },
      ],
      Files: binds.map((bind, index) => ({
        key: bind.readOnly === true ? 'BindReadOnly' : 'Bind',
        value: escapeUnitValue([bind.source, bind.target].map(escapeColons).join(':')),
        ...(index === 0
          ? {
              why:
                'Plain folders: containers are overlays, which cannot be put on an overlay, and etcd wants a plain ' +
                'file system. The device is for fuse file systems in pods.',
            }
          : {}),
      })),
      Network: networkSettings(link),
    },
  );
}

/** As in flags (systemd-nspawn(1), --bind=). */
function escapeColons(path: string): string {
  return path.replaceAll(/[\\:]/g, '\\$&');
}

function networkSettings(link: MachineLink): ExplainedSetting[] {
  if ('hostNetwork' in link) {
    return [
      {
        key: 'Private',
        value: 'no',
        why: 'No network of its own: its addresses, ports and links are those of the host.',
      },
      { key: 'VirtualEthernet', value: 'no' },
    ];
  }
  if ('macvlan' in link) {
    return [
      {
        key: 'MACVLAN',
        value: link.macvlan,
        why:
          `A MAC address of its own on the LAN behind ${link.macvlan}: in the machine the link is ` +
          `mv-${link.macvlan}. Between such a link and the host itself the kernel passes nothing.`,
      },
      { key: 'VirtualEthernet', value: 'no' },
    ];
  }
  return [
    {
      key: 'Bridge',
      value: link.bridge,
      why: 'The machine has one end of a virtual Ethernet cable (host0), the bridge of the cluster the other.',
    },
  ];
}
