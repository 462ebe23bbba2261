import { isDeepStrictEqual } from 'node:util';

import { runCommands } from '../managers/commands.ts';
import type { MachineManager } from '../managers/types.ts';
import { machineManager } from '../managers/open.ts';
import { parallel, runSequence, serial } from '../apply/runner.ts';
import type { Sequence } from '../apply/runner.ts';
import { KnestError } from '../errors.ts';
import type { HostFacts } from '../facts/types.ts';
import { renderKubeconfig } from '../formats/kubeconfig.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { ClusterPlan } from '../plan/types.ts';
import * as records from '../state/clusters.ts';
import { addToKubeconfig, kubeconfigPath, readKubeconfig } from '../workstation/kubeconfig.ts';
import { acquireLock } from '../state/lock.ts';
import { adminKubeconfig } from './admin-kubeconfig.ts';
import { prepare } from './phases/prepare.ts';
import { openSession } from './session.ts';
import type { Session } from './session.ts';
import { resolveReferences } from './phases/resolve-references.ts';
import {
  bootMachine,
  certificatesStep,
  defaultWait,
  layerStep,
  networkStep,
  readySteps,
  rollBack,
} from './steps.ts';
import { tearDown } from './tear-down.ts';
import type { CreateOptions, CreateResult } from './types.ts';

/**
 * Creates a cluster and returns when its nodes are Ready. One that an earlier, killed run left half made is finished.
 * What a failure leaves is taken away again unless `retain` is set.
 * @throws KnestError, InputError, CommandError; see exitCodes for the kinds
 */
export async function createCluster(options: CreateOptions): Promise<CreateResult> {
  const started = performance.now();
  const session = openSession(options);
  const { host, paths } = session;
  const spec = await resolveReferences(session, options.spec);
  const kubeconfig = kubeconfigPath(options.kubeconfig, process.env);
  // a file that the context cannot be added to is found before anything is made
  await readKubeconfig(host, kubeconfig);
  const lock = await acquireLock(host, records.clusterLock(paths, spec.name));
  let created = false;
  try {
    const { plan, facts } = await planOrContinue(session, { ...options, spec });
    const manager = machineManager(host, facts.cgroup);
    try {
      await runSequence(
        createSteps({ session, options, plan, facts, manager, kubeconfig }),
        session.listener,
        session.signal,
      );
    } catch (error) {
      if (!options.retain) {
        const command = `knest delete cluster --name ${plan.cluster}`;
        await rollBack(session, error, command, () => tearDown(session, plan, manager));
      }
      throw error;
    } finally {
      await runCommands(
        host,
        plan.machines.flatMap(({ launch }) => launch?.startupCpuBoost?.usual ?? []),
      );
    }
    await records.markCreated(host, paths, spec.name, new Date());
    created = true;
    return {
      name: spec.name,
      context: plan.context,
      kubeconfig,
      endpoint: plan.endpoint,
      kubernetesVersion: plan.kubernetesVersion,
      nodes: plan.machines.map(({ name }) => name),
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await lock.release();
    if (!created) await records.removeEmptyFolders(host, paths);
  }
}

/**
 * A fresh plan, or that of the half-made cluster when it was for the same spec; another spec's remains are taken
 * away first. The plan is on disk before anything is touched.
 */
async function planOrContinue(
  session: Session,
  options: CreateOptions,
): Promise<{ plan: ClusterPlan; facts: HostFacts }> {
  const { host, paths, listener } = session;
  const { spec } = options;
  const record = await records.readCluster(host, paths, spec.name);
  if (record?.created !== undefined) {
    throw new KnestError(`cluster "${spec.name}" exists already`, {
      code: 'CLUSTER_EXISTS',
      hint: `another name: --name; or first: knest delete cluster --name ${spec.name}`,
    });
  }
  // two creates at the same time must not choose the same subnets
  const planning = await acquireLock(host, records.clusterLock(paths, '.planning'), { wait: true });
  try {
    const { plan, facts } = await prepare(session, spec, {
      install: options.yes ?? false,
      halfMade: record !== undefined,
    });
    listener({
      type: 'note',
      level: 'info',
      message: `Kubernetes ${plan.kubernetesVersion}: ${plan.kubernetesReason}`,
    });
    if (record) {
      if (isDeepStrictEqual(record.spec, JSON.parse(JSON.stringify(spec)))) {
        listener({
          type: 'note',
          level: 'info',
          message: `going on with the half-made cluster "${spec.name}"`,
        });
        return { plan: record.plan, facts };
      }
      listener({
        type: 'note',
        level: 'info',
        message: `removing a half-made cluster "${spec.name}" of another kind`,
      });
      await tearDown(session, record.plan, machineManager(host, facts.cgroup));
    }
    await records.writeCluster(host, paths, spec, plan);
    return { plan, facts };
  } finally {
    await planning.release();
  }
}

interface Work {
  session: Session;
  options: CreateOptions;
  plan: ClusterPlan;
  facts: HostFacts;
  manager: MachineManager;
  kubeconfig: string;
}

function createSteps(work: Work): Sequence {
  const { session, options, plan, facts, manager, kubeconfig } = work;
  const { host, paths } = session;
  let material: KeyMaterial = new Map();
  const certificates = certificatesStep(session, plan, (issued) => {
    material = issued;
  });
  const machines = plan.machines.map((machine): Sequence => ({
    id: `machine/${machine.name}`,
    title: `Machine ${machine.name} (${machine.address})`,
    run: async ({ signal }) => {
      await bootMachine(session, manager, machine, material, signal);
      if (machine.launch?.startupCpuBoost) await runCommands(host, [machine.launch.startupCpuBoost.more]);
    },
  }));
  const timeout = options.wait ?? defaultWait;
  const context: Sequence = {
    id: 'kubeconfig',
    title: `Context ${plan.context} in ${kubeconfig}`,
    run: async () => {
      const input = adminKubeconfig(plan, material);
      // one of the cluster alone as well, for `knest kubectl`
      await host.writeFile(
        `${records.clusterFolder(paths, plan.cluster)}/kubeconfig`,
        renderKubeconfig(input),
        0o600,
      );
      await addToKubeconfig(host, kubeconfig, input);
    },
  };
  return serial(
    parallel(
      ...plan.layers.map((layer) => layerStep(session, facts, layer)),
      certificates,
      networkStep(session, plan),
    ),
    parallel(...machines),
    ...(timeout > 0 ? readySteps({ session, plan, manager, material: () => material, timeout }) : []),
    context,
  );
}
