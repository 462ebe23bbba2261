import { isDeepStrictEqual } from 'node:util';

import type { MachineManager } from '../../managers/types.ts';
import { machineManager } from '../../managers/open.ts';
import { parallel, runSequence, runStep, serial, sideBySide } from '../../apply/runner.ts';
import type { Sequence, Step } from '../../apply/runner.ts';
import { KnestError } from '../../errors.ts';
import type { HostFacts } from '../../facts/types.ts';
import { renderKubeconfig } from '../../formats/kubeconfig.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import * as records from '../../state/clusters.ts';
import { checkKubeconfig } from '../../workstation/kubeconfig.ts';
import { kubeconfigPath } from '../../workstation/kubeconfig-paths.ts';
import { acquireLock } from '../../state/lock.ts';
import { addContext, adminKubeconfig, clusterKubeconfigPath, forgetContext } from '../admin-kubeconfig.ts';
import { acquire } from '../phases/acquire.ts';
import { componentsInWords } from '../../plan/node-components.ts';
import { planBesideOthers, withPlanningLock } from '../phases/plan.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { resolveReferences } from '../phases/resolve-references.ts';
import {
  bootMachine,
  certificatesStep,
  defaultWait,
  layerStep,
  networkStep,
  readySteps,
  rollBack,
} from '../steps.ts';
import { tearDown } from '../delete/tear-down.ts';
import type { CreateOptions, CreateResult } from '../types.ts';

/**
 * Creates a cluster and returns when its nodes are Ready. One that an earlier, killed run left half made is finished.
 * What a failure leaves is taken away again unless `retain` is set.
 * @throws KnestError, InputError, CommandError; see exitCodes for the kinds
 */
export function createCluster(options: CreateOptions): Promise<CreateResult> {
  return makeCluster(options);
}

/** What a cluster is to begin with: that of a backup. */
export interface Seed {
  /** Keys and certificates that it has already; what its plan does not name is left out. */
  material: KeyMaterial;
  /** Steps before its machines are made and started, once its layers are there. */
  steps: (made: { session: Session; plan: ClusterPlan }) => Sequence;
}

/** As createCluster; with a seed its machines find more than their plan says. */
export async function makeCluster(options: CreateOptions & { seed?: Seed }): Promise<CreateResult> {
  const started = performance.now();
  const session = openSession(options);
  const { host, paths, workstation } = session;
  const spec = await resolveReferences(session, options.spec);
  const own = clusterKubeconfigPath(paths, spec.name);
  const kubeconfig =
    options.kubeconfig === false ? own : await kubeconfigPath(options.kubeconfig, workstation);
  // a file that the context cannot be added to is found before anything is made
  await checkKubeconfig(workstation, kubeconfig);
  const lock = await acquireLock(host, records.clusterLock(paths, spec.name)).catch(
    async (error: unknown) => {
      await records.removeEmptyFolders(host, paths);
      throw error;
    },
  );
  let created = false;
  let inKubeconfig = false;
  try {
    const { plan, facts } = await planOrContinue(session, { ...options, spec });
    const manager = machineManager(host, facts.cgroup);
    try {
      const material = await carryOut({ session, options, plan, facts, manager, kubeconfig });
      inKubeconfig = options.kubeconfig !== false;
      await records.markCreated(host, paths, plan, material, new Date());
    } catch (error) {
      if (!options.retain) {
        const command = `knest delete cluster --name ${plan.cluster}`;
        await rollBack(session, error, command, async () => {
          if (inKubeconfig) await forgetContext(session, options, plan.context);
          await tearDown(session, plan, manager);
        });
      }
      throw error;
    } finally {
      for (const machine of plan.machines) await manager.unboost(machine);
    }
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
  const acquired = await acquire(session, spec, {
    install: options.yes ?? false,
    halfMade: record !== undefined,
  });
  const { facts } = acquired;
  const tell = (message: string): void => {
    listener({ type: 'note', level: 'info', message });
  };
  tell(`Kubernetes ${acquired.kubernetes.cluster.version}: ${acquired.kubernetes.cluster.reason}`);
  componentsInWords(acquired.kubernetes).forEach(tell);
  return withPlanningLock(session, async () => {
    const plan = await planBesideOthers(session, spec, acquired, { halfMade: record !== undefined });
    if (record) {
      if (isDeepStrictEqual(record.spec, JSON.parse(JSON.stringify(spec)))) {
        tell(`going on with the half-made cluster "${spec.name}"`);
        return { plan: record.plan, facts };
      }
      tell(`removing a half-made cluster "${spec.name}" of another kind`);
      await tearDown(session, record.plan, machineManager(host, facts.cgroup));
    }
    await writeFirst(session, spec, plan);
    return { plan, facts };
  });
}

/** Nothing has been made yet: where the plan cannot be written, nothing of it is to stay. */
async function writeFirst({ host, paths }: Session, spec: ClusterSpec, plan: ClusterPlan): Promise<void> {
  try {
    await records.writeCluster(host, paths, spec, plan);
  } catch (error) {
    // the first failure says more than one of clearing up after it
    await records.forgetCluster(host, paths, spec.name).catch(() => undefined);
    throw error;
  }
}

interface Work {
  session: Session;
  options: CreateOptions & { seed?: Seed };
  plan: ClusterPlan;
  facts: HostFacts;
  manager: MachineManager;
  kubeconfig: string;
}

/** From the plan to a cluster that takes pods. @returns the cluster's keys and certificates */
async function carryOut({ session, options, plan, facts, manager, kubeconfig }: Work): Promise<KeyMaterial> {
  const { listener, signal } = session;
  const { seed } = options;
  if (seed) await writeSeed(session, plan, seed);
  const [material] = await sideBySide(
    signal,
    (both) => runStep(certificatesStep(session, plan), listener, both),
    (both) => runStep(networkStep(session, manager, plan), listener, both),
    ...plan.layers.map(
      (layer) => (both: AbortSignal) => runSequence(layerStep(session, facts, layer), listener, both),
    ),
  );
  const timeout = options.wait ?? defaultWait;
  const steps = serial(
    ...(seed ? [seed.steps({ session, plan })] : []),
    parallel(...plan.machines.map((machine) => machineStep(session, manager, machine, material))),
    ...(timeout > 0 ? readySteps({ session, plan, manager, material, timeout }) : []),
    contextStep(session, plan, material, kubeconfig),
  );
  await runSequence(steps, listener, signal);
  return material;
}

/** Keys that are there already win: a run that was killed has written them, and machines may have them. */
async function writeSeed({ host, paths }: Session, plan: ClusterPlan, { material }: Seed): Promise<void> {
  const { authorities, certificates, keyPairs } = plan.pki;
  const names = new Set([...[...authorities, ...certificates].map(({ name }) => name), ...keyPairs]);
  const known = await records.readKeyMaterial(host, paths, plan.cluster);
  const wanted = [...material].filter(
    ([file]) => names.has(file.replace(/\.(crt|key|pub)$/, '')) && !known.has(file),
  );
  await records.writeKeyMaterial(host, paths, plan.cluster, new Map([...known, ...wanted]), known);
}

function machineStep(
  session: Session,
  manager: MachineManager,
  machine: MachinePlan,
  material: KeyMaterial,
): Step {
  return {
    id: `machine/${machine.name}`,
    title: `Machine ${machine.name} (${machine.address})`,
    run: async ({ signal }) => {
      await bootMachine(session, manager, machine, material, signal);
      await manager.boost(machine);
    },
  };
}

function contextStep(session: Session, plan: ClusterPlan, material: KeyMaterial, kubeconfig: string): Step {
  const { host, paths } = session;
  return {
    id: 'kubeconfig',
    title: `Context ${plan.context} in ${kubeconfig}`,
    run: async () => {
      const input = adminKubeconfig(plan, material);
      // one of the cluster alone as well, for `knest kubectl`
      const own = clusterKubeconfigPath(paths, plan.cluster);
      await host.writeFile(own, renderKubeconfig(input), 0o600);
      if (kubeconfig !== own) await addContext(session, kubeconfig, input);
    },
  };
}
