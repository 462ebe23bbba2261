import type { BackupConfig } from '../../agent/contract.ts';
import { backupFormat } from '../../formats/backup/contents.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import { secondsOf } from '../../spec/backup.ts';
import { withoutSecrets } from '../../spec/secrets.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { PlannedBind } from '../types.ts';
import type { ClusterContext, Component, MachineContext } from './component.ts';
import { k8sTarget, nothing, pkiFolder } from './component.ts';
import { etcdClientPort } from './etcd.ts';
import { agentPath } from './knest-agent.ts';

const configFile = '/etc/kubernetes/knest-backup.json';
/** Where control planes see the folder of the host. */
const folder = '/var/lib/knest-backups';

/** Format of the spec in it: that of records. */
const specVersion = 3;

/** The folder for backups, which is not the cluster's own and stays when it is deleted. */
export function backupBind({ backup }: Pick<ClusterSpec, 'backup'>): PlannedBind[] {
  return backup ? [{ source: backup.to, target: folder, make: 'directory' }] : [];
}

/** Backups that control planes make by themselves: the one whose etcd leads. */
export const scheduledBackup: Component = (machine, cluster) => {
  const { backup } = cluster.spec;
  if (machine.role !== 'control-plane' || !backup) return nothing;
  const every = secondsOf(backup.every) ?? 0;
  const { text, secrets } = configuration(machine, cluster, { ...backup, every });
  // looking whether one is due costs a moment; so one is never much later than it should be
  const look = Math.min(600, Math.max(5, Math.round(every / 12)));
  return {
    files: [
      {
        path: configFile,
        mode: 0o600,
        content: { text, ...(secrets.length > 0 ? { secrets } : {}) },
      },
    ],
    units: [
      {
        name: 'knest-backup.service',
        // the timer starts it, and it reads the file each time
        ignores: [configFile, agentPath],
        text: renderUnit({
          Unit: { Description: 'A backup of the cluster, if one is due' },
          Service: {
            Type: 'oneshot',
            Environment: ['UV_THREADPOOL_SIZE=1', 'NODE_ENV=production'],
            Nice: '10',
            ExecStart: `/usr/bin/node ${agentPath} backup ${configFile}`,
          },
        }),
      },
      {
        name: 'knest-backup.timer',
        wantedBy: k8sTarget,
        text: renderUnit({
          Unit: { Description: 'Looks whether a backup of the cluster is due' },
          Timer: {
            OnActiveSec: `${Math.min(60, look)}s`,
            OnUnitInactiveSec: `${look}s`,
            AccuracySec: '1s',
          },
        }),
      },
    ],
    certificates: [],
    probes: [],
  };
};

function configuration(
  machine: MachineContext,
  cluster: ClusterContext,
  { every, keep }: { every: number; keep: number },
): { text: string; secrets: string[] } {
  const { spec, secrets } = withoutSecrets(cluster.spec);
  const { podSubnets, serviceSubnets } = cluster;
  const config: BackupConfig = {
    endpoint: `https://127.0.0.1:${etcdClientPort}`,
    pki: pkiFolder,
    ...{ folder, every, keep },
    about: {
      ...{ format: backupFormat, knest: 'knest-agent', cluster: spec.name },
      kubernetesVersion: machine.kubernetesVersion,
      network: { podSubnets, serviceSubnets },
      nodes: spec.nodes.map(({ name, role }) => ({ name, role })),
    },
    spec: { version: specVersion, spec },
  };
  return { text: `${JSON.stringify(config, undefined, 2)}\n`, secrets };
}
