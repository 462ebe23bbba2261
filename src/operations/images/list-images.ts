import type { NodeImage } from '../../agent/contract.ts';
import type { MachineManager } from '../../managers/types.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { requireCluster } from '../../state/clusters.ts';
import { agentPath } from '../../plan/components/knest-agent.ts';
import { containerdSocket } from '../../plan/components/containerd.ts';
import { listImagesCommand, parseImages } from '../../tools/knest-agent.ts';
import { namedMachines, openManager } from '../find-machines.ts';
import { openSession } from '../session.ts';
import type { Context } from '../types.ts';

export interface ClusterImage {
  /** Digest of its configuration. */
  id: string;
  /** Undefined: it lost its name to a later image. */
  name: string | undefined;
  /** Bytes. */
  size: number;
  digests: readonly string[];
  /** Those that have it. */
  nodes: readonly string[];
}

export interface ClusterImages {
  images: readonly ClusterImage[];
  /** The nodes that were asked. */
  nodes: readonly string[];
}

/**
 * The images of a cluster's nodes, and which nodes have them. Nodes that do not run are left out, with a warning.
 * @throws KnestError kind "notFound" for unknown clusters and nodes
 */
export async function listImages(
  options: Context & { name: string; nodes?: readonly string[] },
): Promise<ClusterImages> {
  const session = openSession(options);
  const { plan } = await requireCluster(session.host, session.paths, options.name);
  const machines = chooseMachines(plan, options.nodes);
  const manager = await openManager(session);
  const asked = await Promise.all(
    machines.map(async (machine) => {
      if ((await manager.leader(machine)) === undefined) {
        const message = `${machine.name} does not run, and is not asked`;
        session.listener({ type: 'note', level: 'warning', message });
        return [];
      }
      return [{ node: machine.name, images: await imagesOfMachine(manager, machine) }];
    }),
  );
  const answers = asked.flat();
  return { images: gather(answers), nodes: answers.map(({ node }) => node) };
}

/** What a node's container runtime has. @throws KnestError, CommandError when it does not run or answer */
export async function imagesOfMachine(manager: MachineManager, machine: MachinePlan): Promise<NodeImage[]> {
  const { stdout } = await manager.run(machine, listImagesCommand(agentPath, containerdSocket), {
    timeout: 30_000,
  });
  return parseImages(stdout);
}

/** By name, those without one last. */
function gather(answers: readonly { node: string; images: readonly NodeImage[] }[]): ClusterImage[] {
  const found = new Map<string, ClusterImage & { nodes: string[] }>();
  for (const { node, images } of answers) {
    for (const { id, tags, digests, size } of images) {
      for (const name of tags.length > 0 ? tags : [undefined]) {
        const key = `${name ?? ''} ${id}`;
        const known = found.get(key) ?? { id, name, size, digests, nodes: [] };
        known.nodes.push(node);
        found.set(key, known);
      }
    }
  }
  const last = '\u{10ffff}';
  return [...found.values()].sort((a, b) => ((a.name ?? last) < (b.name ?? last) ? -1 : 1));
}

/** All machines of a cluster, or those of these names; in the order of the cluster. @throws KnestError kind "notFound" */
export function chooseMachines(
  plan: Pick<ClusterPlan, 'cluster' | 'machines'>,
  names: readonly string[] | undefined,
): readonly MachinePlan[] {
  if (names === undefined || names.length === 0) return plan.machines;
  const named = namedMachines(plan, names);
  return plan.machines.filter((machine) => named.includes(machine));
}
