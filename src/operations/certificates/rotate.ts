import { updateMachine } from '../../apply/machine-update.ts';
import { refuseHalfMade } from '../half-made.ts';
import { runSequence, serial } from '../../apply/runner.ts';
import type { Step } from '../../apply/runner.ts';
import { KnestError } from '../../errors.ts';
import { issuePki } from '../../pki/issue.ts';
import { rotate, rotationFiles, rotationStages } from '../../pki/rotate.ts';
import type { RotationStage } from '../../pki/rotate.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { renewedKeys, writeAppliedMachine } from '../../state/applied.ts';
import { clusterFolder, readKeyMaterial, requireCluster, writeKeyMaterial } from '../../state/clusters.ts';
import { forgetRotation, readRotation, writeRotation } from '../../state/rotation.ts';
import { settle } from '../nodes/move-to-plan.ts';
import { retryUntilReady } from '../retry.ts';
import { finish, withLockedCluster } from '../start-stop/locked-cluster.ts';
import type { LockedCluster } from '../start-stop/locked-cluster.ts';
import type { Context } from '../types.ts';

export interface RotateAuthoritiesOptions extends Context {
  name: string;
  /** Ends after this stage; the next call goes on. Default: forget, which is the last. */
  until?: RotationStage;
  /** Say which stages are left, and change nothing. */
  dryRun?: boolean;
}

export interface RotatedAuthorities {
  name: string;
  authorities: readonly string[];
  /** Stages that were gone through, or would be. */
  stages: readonly RotationStage[];
  /** Whether the old ones are gone. */
  finished: boolean;
}

const titles: Record<RotationStage, string> = {
  trust: 'trust the new authorities beside the old ones',
  sign: 'have certificates of the new authorities',
  forget: 'trust the new authorities alone',
};

/**
 * Exchanges all authorities of a cluster for new ones. In each of three stages all nodes are gone through one after the
 * other, and the next one waits until all that the one before runs answers; with several control planes the API answers all
 * the while. Killed at any time, the next call goes on.
 * @throws KnestError kind "notFound" or "locked", or when a node does not answer again
 */
export async function rotateAuthorities(options: RotateAuthoritiesOptions): Promise<RotatedAuthorities> {
  let result: RotatedAuthorities | undefined;
  await withLockedCluster(options, options.name, async (locked) => {
    refuseHalfMade(locked);
    const { session, plan } = locked;
    const { host, paths } = session;
    const folder = clusterFolder(paths, plan.cluster);
    const begun = (await readRotation(host, plan.cluster, folder)) ?? 'trust';
    const last = rotationStages.indexOf(options.until ?? 'forget');
    const stages = rotationStages.slice(rotationStages.indexOf(begun), last + 1);
    const finished = stages.at(-1) === 'forget';
    const authorities = plan.pki.authorities.map(({ name }) => name);
    result = { name: plan.cluster, authorities, stages, finished };
    if (options.dryRun) return;
    const cluster = await finish(locked);
    await refuseWhatIsOff(cluster);
    for (const stage of stages) {
      await writeRotation(host, folder, stage);
      await goThrough(cluster, stage);
    }
    if (!finished) return;
    for (const file of rotationFiles(plan.pki)) await host.remove(`${folder}/pki/${file}`);
    await forgetRotation(host, folder);
  });
  // withLockedCluster has thrown, or done the work
  if (!result) throw new Error('nothing was rotated');
  return result;
}

async function goThrough({ session, manager, plan }: LockedCluster, stage: RotationStage): Promise<void> {
  const { host, paths } = session;
  const folder = clusterFolder(paths, plan.cluster);
  const known = await readKeyMaterial(host, paths, plan.cluster);
  const now = new Date();
  const material = await issuePki(plan.pki, await rotate(stage, plan.pki, known, now), now);
  await writeKeyMaterial(host, paths, plan.cluster, material, known);
  const { applied } = await requireCluster(host, paths, plan.cluster);
  const renewed = renewedKeys(applied, material);
  const steps = plan.machines.map((machine): Step => ({
    id: `certificates/${stage}/${machine.name}`,
    title: `${machine.name}: ${titles[stage]}`,
    run: async ({ signal }) => {
      const old = applied.machines.find((one) => one.machine.name === machine.name)?.machine ?? machine;
      await updateMachine(host, manager, old, machine, material, renewed.get(machine.name));
      await writeAppliedMachine(host, folder, machine, material);
      await retryUntilReady(`see all of ${machine.name} answer`, signal, () => askAll(manager, machine));
    },
  }));
  const kubeconfig: Step = {
    id: 'kubeconfig',
    title: `Context ${plan.context}`,
    run: () => settle({ session, manager, material, applied, plan }),
  };
  await runSequence(serial(...steps, kubeconfig), session.listener, session.signal);
}

/** @throws CommandError when something that the machine runs does not answer */
async function askAll(manager: LockedCluster['manager'], machine: MachinePlan): Promise<void> {
  for (const { argv } of machine.probes) await manager.run(machine, argv, { timeout: 10_000 });
}

/** A node that is off would miss a stage, and with it the others. */
async function refuseWhatIsOff({ plan, manager }: LockedCluster): Promise<void> {
  const leaders = await Promise.all(plan.machines.map((machine) => manager.leader(machine)));
  const off = plan.machines.filter((_, index) => leaders[index] === undefined).map(({ name }) => name);
  if (off.length === 0) return;
  throw new KnestError(`${off.join(', ')} must run while authorities are exchanged`, {
    code: 'CLUSTER_INCOMPLETE',
    hint: `start it first: knest start cluster --name ${plan.cluster}`,
  });
}
