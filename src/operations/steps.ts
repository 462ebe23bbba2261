import { messageOf } from '../errors.ts';
import { withAdminClient } from '../observe/admin-client.ts';
import { writeMachine } from '../apply/machine-files.ts';
import type { MachineManager } from '../managers/types.ts';
import type { ResultStep, Step } from '../apply/runner.ts';
import { ensureLayer, hasLayer } from '../artifacts/layers.ts';
import type { HostFacts } from '../facts/types.ts';
import type { KubernetesClient } from '../clients/kubernetes/client.ts';
import { waitForNodes, waitForServiceAccount } from '../observe/readiness.ts';
import { issuePki } from '../pki/issue.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { componentTitles } from '../plan/node-components.ts';
import type { ClusterPlan, MachinePlan, PlannedLayer } from '../plan/types.ts';
import { clusterFolder, readKeyMaterial, writeKeyMaterial } from '../state/clusters.ts';
import { completeNode } from './complete-node.ts';
import { preloadSteps } from './images/preloaded-images.ts';
import { manifestsSteps } from './manifests-step.ts';
import type { Session } from './session.ts';

export { defaultWait } from '../spec/words.ts';

/** A layer of the image, made unless the cache has it. */
export function layerStep(
  { host, paths, workstation }: Session,
  facts: HostFacts,
  layer: PlannedLayer,
): Step {
  return {
    id: `layer/${layer.id}`,
    title: layerTitle(layer),
    done: () => hasLayer(layer, { host, paths }),
    run: async ({ progress, signal }) => {
      await ensureLayer(layer, { host, user: workstation, paths, facts, progress, signal });
    },
  };
}

function layerTitle(layer: PlannedLayer): string {
  switch (layer.kind) {
    case 'rootfs':
      return `Debian ${layer.suite}`;
    case 'kubernetes':
      return `Kubernetes ${layer.version}`;
    case 'component':
      return [componentTitles[layer.component], layer.version].join(' ').trim();
    case 'images':
      return `Images ${layer.archives.flatMap(({ images }) => images).join(', ')}`;
  }
}

/** Certificates and keys that a plan names: those that its cluster has, and the others made now. */
export function certificatesStep(
  { host, paths }: Session,
  { pki, cluster }: ClusterPlan,
): ResultStep<KeyMaterial> {
  return {
    id: 'certificates',
    title: 'Certificates',
    run: async () => {
      const known = await readKeyMaterial(host, paths, cluster);
      const material = await issuePki(pki, known, new Date());
      await writeKeyMaterial(host, paths, cluster, material, known);
      return material;
    },
  };
}

/**
 * Takes away what a failed run has made. That this fails, too, is told with the command that finishes it, and does not
 * hide why the run failed.
 */
export async function rollBack(
  { listener }: Session,
  cause: unknown,
  command: string,
  undo: () => Promise<void>,
): Promise<void> {
  listener({ type: 'note', level: 'info', message: 'taking away what was made; --retain keeps it' });
  try {
    await undo();
  } catch (error) {
    const why = messageOf(error);
    const message = `not everything could be taken away (${why}): ${command}`;
    listener({ type: 'note', level: 'warning', message });
    if (cause instanceof Error) cause.cause ??= error;
  }
}

/** Writes a machine and starts it. */
export async function bootMachine(
  { host, listener }: Session,
  manager: MachineManager,
  machine: MachinePlan,
  material: KeyMaterial,
  signal: AbortSignal,
): Promise<void> {
  for (const path of await writeMachine(host, machine, material)) {
    const message = `${path} was not there and has been made for ${machine.name}; it goes with the node if it is empty then`;
    listener({ type: 'note', level: 'warning', message });
  }
  await manager.writeFiles(machine);
  await manager.start(machine, signal);
}

/** What the host lends to a cluster: kernel settings, bridge, routes, NAT. Again is harmless. */
export function networkStep({ paths }: Session, manager: MachineManager, plan: ClusterPlan): Step {
  return {
    id: 'network',
    title: `Network ${plan.network.bridge} (${plan.network.nodeSubnets.join(', ')})`,
    run: () => manager.setUpHost(plan, clusterFolder(paths, plan.cluster)),
  };
}

export interface ReadyOptions {
  session: Session;
  plan: ClusterPlan;
  manager: MachineManager;
  material: KeyMaterial;
  /** Milliseconds. */
  timeout: number;
  /** See waitForNode. */
  since?: Date;
}

function readyTitle({ machines, network }: ClusterPlan): string {
  const nodes = machines.length === 1 ? 'Node' : 'Nodes';
  return network.cni === 'none'
    ? `${nodes} registered; Ready once a network add-on is applied`
    : `${nodes} Ready`;
}

/** Waiting for nodes to be Ready, and for the cluster to take pods. */
export function readySteps({ session, plan, manager, material, timeout, since }: ReadyOptions): Step[] {
  const withClient = (use: (client: KubernetesClient) => Promise<void>): Promise<void> =>
    withAdminClient(plan.endpoint, material, { via: session.host }, use);
  return [
    {
      id: 'ready',
      title: readyTitle(plan),
      run: ({ progress, signal }) => {
        const withoutNetwork = plan.network.cni === 'none';
        const options = {
          timeout,
          progress,
          signal,
          withoutNetwork,
          ...(since === undefined ? {} : { since }),
        };
        return withClient((client) => {
          const onRegistered = (machine: MachinePlan): Promise<void> => completeNode(client, machine);
          return waitForNodes(session.host, manager, client, plan, { ...options, onRegistered });
        });
      },
    },
    {
      id: 'usable',
      title: 'Namespace default takes pods',
      run: ({ signal }) => withClient((client) => waitForServiceAccount(client, { timeout, signal })),
    },
    ...preloadSteps(manager, plan.machines, timeout),
    ...manifestsSteps(manager, plan.machines, timeout),
  ];
}
