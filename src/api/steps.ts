import { runCommands } from '../apply/commands.ts';
import { writeMachine } from '../apply/machine-files.ts';
import type { MachineManager } from '../apply/machine-manager.ts';
import type { Step } from '../apply/runner.ts';
import { startHostUnits } from '../apply/host-units.ts';
import { lastingRecord, raiseSysctls } from '../apply/sysctls.ts';
import { ensureLayer, layerPath } from '../artifacts/layers.ts';
import type { HostFacts } from '../facts/types.ts';
import { apiClient } from '../observe/apiserver.ts';
import type { ApiClient } from '../observe/apiserver.ts';
import { waitForNodes, waitForServiceAccount } from '../observe/readiness.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { adminCertificate } from '../plan/pki.ts';
import type { ClusterPlan, MachinePlan, PlannedLayer } from '../plan/types.ts';
import { clusterFolder } from '../state/clusters.ts';
import type { Session } from './session.ts';

/** Milliseconds to wait for nodes unless told otherwise. */
export const defaultWait = 5 * 60_000;

/** A layer of the image, made unless the cache has it. @param built told when it was made just now */
export function layerStep(
  { host, paths }: Session,
  facts: HostFacts,
  layer: PlannedLayer,
  built: () => void = () => undefined,
): Step {
  return {
    id: `layer/${layer.id}`,
    title: layer.kind === 'rootfs' ? `Debian ${layer.suite}` : `Kubernetes ${layer.version}`,
    done: async () => (await host.stat(layerPath(paths, layer.id))) !== undefined,
    run: async ({ progress, signal }) => {
      const made = await ensureLayer(layer, { host, paths, facts, progress, signal });
      if (made === 'built') built();
    },
  };
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

/** What the host lends to a cluster: kernel settings, bridge, routes, NAT. */
export function networkStep({ host, paths }: Session, plan: ClusterPlan): Step {
  return {
    id: 'network',
    title: `Network ${plan.network.bridge} (${plan.network.nodeSubnets.join(', ')})`,
    run: async () => {
      const { sysctls, setup, units } = plan.host;
      const user = clusterFolder(paths, plan.cluster);
      if (units) {
        await raiseSysctls(host, user, sysctls, lastingRecord, units.sysctls);
        await startHostUnits(host, units);
      } else {
        await raiseSysctls(host, user, sysctls);
        await runCommands(host, setup);
      }
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
  ];
}
