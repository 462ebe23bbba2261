import { createHash } from 'node:crypto';

import { runStep, serial } from '../../apply/runner.ts';
import type { Sequence } from '../../apply/runner.ts';
import { InputError, KnestError } from '../../errors.ts';
import type { AboutBackup } from '../../formats/backup/contents.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import { isWholeVersion } from '../../spec/kubernetes-version.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { clusterFolder } from '../../state/clusters.ts';
import { makeCluster } from '../create/create-cluster.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { CreateOptions, CreateResult } from '../types.ts';
import { openBackup } from './open-backup.ts';
import type { BackupSource, OpenBackup } from './open-backup.ts';
import { restoreObjects } from './restore-objects.ts';
import { restoreVolumes } from './restore-volumes.ts';

export interface RestoreBackupOptions extends Omit<CreateOptions, 'spec'>, BackupSource {
  /** Another name for the cluster; default: the one that it had. */
  name?: string;
}

export interface RestoreResult extends CreateResult {
  about: AboutBackup;
}

/**
 * Makes the cluster of a backup again, on this host: with its objects, its keys, and the volumes that are in it. Under
 * another name its nodes have other names, too, and where its subnets are in use its Services get the same places of others:
 * so it can stand beside the one that it was taken of. All of the backup is read and compared with its checksums before
 * anything is made. One that was killed is continued by the same call.
 * @throws KnestError, InputError; CLUSTER_EXISTS when there is a cluster of that name
 */
export async function restoreBackup(options: RestoreBackupOptions): Promise<RestoreResult> {
  const { file, decryption, name, ...context } = options;
  const session = openSession(options);
  const { host, paths, listener, signal } = session;
  const source: BackupSource = { file, ...(decryption ? { decryption } : {}) };
  // by the file's name: a run that was killed leaves no second one
  const scratch = `${paths.state}/restore-${createHash('sha256').update(file).digest('hex').slice(0, 8)}`;
  try {
    await host.makeDirectory(scratch, 0o700);
    const backup = await runStep(
      {
        id: 'backup/read',
        title: `Read ${file}`,
        run: () => openBackup(session, source, `${scratch}/etcd.db`),
      },
      listener,
      signal,
    );
    const spec = specOf(backup, name ?? backup.about.cluster);
    const seed = {
      material: backup.material,
      steps: ({ plan }: { plan: ClusterPlan }) =>
        restoreSteps(session, { backup, source, plan, scratch: `${scratch}/objects` }),
    };
    const result = await withSubnets(session, spec, (wanted) =>
      makeCluster({ ...context, spec: wanted, seed }),
    );
    return { ...result, about: backup.about };
  } finally {
    await host.remove(scratch);
  }
}

/** The spec with the version of Kubernetes that its objects are of, and the subnets by which they name addresses. */
function specOf({ spec, about }: OpenBackup, name: string): ClusterSpec {
  const { version } = spec.kubernetes;
  const { podSubnets, serviceSubnets } = about.network;
  return {
    ...spec,
    name,
    kubernetes: {
      ...spec.kubernetes,
      version: version !== undefined && isWholeVersion(version) ? version : about.kubernetesVersion,
    },
    network: { ...spec.network, podSubnets, serviceSubnets },
    nodes: spec.nodes.map((node) => ({ ...node, name: renamed(node.name, spec.name, name) })),
  };
}

/** "lab-worker2" of "lab" is "copy-worker2" of "copy". */
export function renamed(node: string, from: string, to: string): string {
  return node.startsWith(`${from}-`)
    ? `${to}${node.slice(from.length)}`
    : from === to
      ? node
      : `${to}-${node}`;
}

const subnetPath = /^network\.(node|pod|service)Subnet/;
const portPath = /\.hostPort$|^nodes\[\d+\]\.extraPortMappings/;

/** Where subnets or ports are in use, others are chosen. */
async function withSubnets<T>(
  { listener }: Session,
  spec: ClusterSpec,
  make: (spec: ClusterSpec) => Promise<T>,
): Promise<T> {
  try {
    return await make(spec);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const others = error.problems.filter(({ path }) => !subnetPath.test(path) && !portPath.test(path));
    if (others.length > 0) throw error;
    for (const { path, message } of error.problems) {
      const note = `${path}: ${message}; the restored cluster gets others`;
      listener({ type: 'note', level: 'info', message: note });
    }
    const kinds = new Set(error.problems.map(({ path }) => subnetPath.exec(path)?.[1]));
    const ports = error.problems.some(({ path }) => portPath.test(path));
    const { network } = spec;
    return make({
      ...spec,
      network: {
        ...network,
        nodeSubnets: kinds.has('node') ? undefined : network.nodeSubnets,
        podSubnets: kinds.has('pod') ? undefined : network.podSubnets,
        serviceSubnets: kinds.has('service') ? undefined : network.serviceSubnets,
      },
      nodes: ports
        ? spec.nodes.map((node) => ({
            ...node,
            extraPortMappings: node.extraPortMappings.map((port) => ({ ...port, hostPort: undefined })),
          }))
        : spec.nodes,
    });
  }
}

interface RestoreWork {
  backup: OpenBackup;
  source: BackupSource;
  plan: ClusterPlan;
  scratch: string;
}

/** Done once: machines that have been started since have data of their own. */
function restoreSteps(session: Session, { backup, source, plan, scratch }: RestoreWork): Sequence {
  const { host, paths } = session;
  const { about, snapshot } = backup;
  const marker = `${clusterFolder(paths, plan.cluster)}/restored`;
  const done = async (): Promise<boolean> => (await host.stat(marker)) !== undefined;
  const nodes = Object.fromEntries(
    about.nodes.flatMap(({ name }) => {
      const to = renamed(name, about.cluster, plan.cluster);
      const machine = plan.machines.find((one) => one.name === to);
      return machine ? [[name, machine] as const] : [];
    }),
  );
  return serial(
    {
      id: 'restore/etcd',
      title: `Objects of ${about.cluster} as of ${about.taken}`,
      done,
      run: ({ progress, signal }) =>
        restoreObjects(
          { host, paths, signal },
          { plan, snapshot, scratch, progress, mapping: { nodes, serviceSubnets: pairs(about, plan) } },
        ),
    },
    {
      id: 'restore/volumes',
      title: 'Volumes',
      done: async () => backup.volumes.size === 0 || (await done()),
      run: ({ signal }) => restoreVolumes(session, source, nodes, signal),
    },
    {
      id: 'restore/done',
      title: 'Data is in its place',
      done,
      run: () => host.writeFile(marker, `${source.file}\n`, 0o600, { sync: true }),
    },
  );
}

/** Subnets of Services, old and new, of one family each. */
function pairs({ network }: AboutBackup, plan: ClusterPlan): { from: string; to: string }[] {
  const isIpv6 = (subnet: string): boolean => subnet.includes(':');
  return network.serviceSubnets.map((from) => {
    const to = plan.network.serviceSubnets.find((subnet) => isIpv6(subnet) === isIpv6(from));
    if (to !== undefined) return { from, to };
    throw new KnestError(
      `the cluster of the backup has Services in ${from}, and this one has none of that family`,
      {
        code: 'BACKUP_UNUSABLE',
        hint: 'restore it where it was taken',
      },
    );
  });
}
