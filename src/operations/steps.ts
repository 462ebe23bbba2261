import { messageOf } from '../errors.ts';
import { runCommands } from '../managers/commands.ts';
import { writeMachine } from '../apply/machine-files.ts';
import type { MachineManager } from '../managers/types.ts';
import type { Step } from '../apply/runner.ts';
import { startHostUnits } from '../managers/systemd/host-units.ts';
import { lastingRecord, raiseSysctls } from '../managers/sysctls.ts';
import { ensureLayer, layerPath } from '../artifacts/layers.ts';
import type { HostFacts } from '../facts/types.ts';
import type { Host } from '../host/types.ts';
import { apiClient } from '../clients/kubernetes.ts';
import type { ApiClient } from '../clients/kubernetes.ts';
import { waitForNodes, waitForServiceAccount } from '../observe/readiness.ts';
import { issuePki } from '../pki/issue.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { adminCertificate } from '../plan/pki.ts';
import type { ClusterPlan, MachinePlan, PlannedLayer } from '../plan/types.ts';
import { clusterFolder, readKeyMaterial, writeKeyMaterial } from '../state/clusters.ts';
import { preloadSteps } from './preloaded-images.ts';
import type { Session } from './session.ts';

export { defaultWait } from '../spec/words.ts';

/** A layer of the image, made unless the cache has it. @param built told when it was made just now */
export function layerStep(
  { host, paths }: Session,
  facts: HostFacts,
  layer: PlannedLayer,
  built: () => void = () => undefined,
): Step {
  return {
    id: `layer/${layer.id}`,
    title: layerTitle(layer),
    done: async () => (await host.stat(layerPath(paths, layer.id))) !== undefined,
    run: async ({ progress, signal }) => {
      const made = await ensureLayer(layer, { host, paths, facts, progress, signal });
      if (made === 'built') built();
    },
  };
}

function layerTitle(layer: PlannedLayer): string {
  switch (layer.kind) {
    case 'rootfs':
      return `Debian ${layer.suite}`;
    case 'kubernetes':
      return `Kubernetes ${layer.version}`;
    case 'images':
      return `Images ${layer.archives.flatMap(({ images }) => images).join(', ')}`;
  }
}

/** Certificates and keys that a plan names and its cluster does not have yet. @param keep told all of them */
export function certificatesStep(
  { host, paths }: Session,
  { pki, cluster }: ClusterPlan,
  keep: (material: KeyMaterial) => void,
): Step {
  return {
    id: 'certificates',
    title: 'Certificates',
    run: async () => {
      const known = await readKeyMaterial(host, paths, cluster);
      const material = await issuePki(pki, known, new Date());
      await writeKeyMaterial(host, paths, cluster, material, known);
      keep(material);
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
    const message = `${path} was not there: ${machine.name} gets an empty directory, which stays when it is deleted`;
    listener({ type: 'note', level: 'warning', message });
  }
  await manager.start(machine, signal);
}

/** Bridge, routes, NAT, by systemd's unit where the host's systemd runs the machines. Again brings them to a new plan. */
export async function setUpNetwork(host: Host, { host: { units, setup } }: ClusterPlan): Promise<void> {
  if (units) await startHostUnits(host, units);
  else await runCommands(host, setup);
}

/** What the host lends to a cluster: kernel settings, bridge, routes, NAT. */
export function networkStep({ host, paths }: Session, plan: ClusterPlan): Step {
  return {
    id: 'network',
    title: `Network ${plan.network.bridge} (${plan.network.nodeSubnets.join(', ')})`,
    run: async () => {
      const { sysctls, units } = plan.host;
      const user = clusterFolder(paths, plan.cluster);
      if (units) await raiseSysctls(host, user, sysctls, lastingRecord, units.sysctls);
      else await raiseSysctls(host, user, sysctls);
      await setUpNetwork(host, plan);
    },
  };
}

export interface ReadyOptions {
  session: Session;
  plan: ClusterPlan;
  manager: MachineManager;
  /** Asked for when the step runs: earlier steps may still have to make it. */
  material: () => KeyMaterial;
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
  const withClient = async (use: (client: ApiClient) => Promise<void>): Promise<void> => {
    const client = apiClient(plan.endpoint, material(), adminCertificate);
    try {
      await use(client);
    } finally {
      client.close();
    }
  };
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
        return withClient((client) => waitForNodes(session.host, manager, client, plan, options));
      },
    },
    {
      id: 'usable',
      title: 'Namespace default takes pods',
      run: ({ signal }) => withClient((client) => waitForServiceAccount(client, { timeout, signal })),
    },
    ...preloadSteps(manager, plan.machines, timeout),
  ];
}
