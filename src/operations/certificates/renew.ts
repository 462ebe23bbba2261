import { X509Certificate } from 'node:crypto';
import { refuseHalfMade } from '../half-made.ts';

import { runSequence, serial } from '../../apply/runner.ts';
import { diffPlans } from '../../diff/diff-plans.ts';
import { issuePki } from '../../pki/issue.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import type { ClusterPlan } from '../../plan/types.ts';
import { appliedPlan, renewedKeys } from '../../state/applied.ts';
import { writeKeyMaterial } from '../../state/clusters.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import { carryOut, settle } from '../nodes/move-to-plan.ts';
import { finish, withLockedCluster } from '../start-stop/locked-cluster.ts';
import type { Context } from '../types.ts';

export interface RenewCertificatesOptions extends Context {
  name: string;
  /** Say what would be renewed, and change nothing. */
  dryRun?: boolean;
}

export interface RenewedCertificates {
  name: string;
  certificates: readonly {
    name: string;
    /** ISO 8601: until when the new one is good. */
    expires: string;
  }[];
  /** What is restarted for it, by node: what reads its certificate only when it starts. */
  restarts: readonly { node: string; units: readonly string[] }[];
}

/**
 * Renews all certificates of a cluster now, those of kubeconfigs included; keys and authorities stay. Machines that are off
 * get theirs, too. Killed in between, the next command that changes the cluster finishes it.
 * @throws KnestError kind "notFound" or "locked", or for a cluster that is half made
 */
export async function renewCertificates(options: RenewCertificatesOptions): Promise<RenewedCertificates> {
  let result: RenewedCertificates | undefined;
  await withLockedCluster(options, options.name, async (locked) => {
    refuseHalfMade(locked, 'finish it with the same knest create cluster: its certificates are new then');
    const cluster = options.dryRun ? locked : await finish(locked);
    const { session, manager, plan, applied, material: known } = cluster;
    const material = await issuePki(plan.pki, known, new Date(), { all: true });
    result = { name: plan.cluster, ...describe(plan, cluster, material) };
    if (options.dryRun) return;
    const move = { session, manager, material, applied, plan };
    const steps = serial(
      {
        id: 'certificates',
        title: 'Certificates',
        run: () => writeKeyMaterial(session.host, session.paths, plan.cluster, material, known),
      },
      { id: 'others', title: 'Nodes have their new certificates', run: () => carryOut(move) },
      { id: 'kubeconfig', title: `Context ${plan.context}`, run: () => settle(move) },
    );
    await runSequence(steps, session.listener, session.signal);
  });
  // withLockedCluster has thrown, or done the work
  if (!result) throw new Error('nothing was renewed');
  return result;
}

function describe(
  plan: ClusterPlan,
  { applied }: Pick<ClusterRecord, 'applied'>,
  material: KeyMaterial,
): Pick<RenewedCertificates, 'certificates' | 'restarts'> {
  const changes = diffPlans(appliedPlan(applied), plan, renewedKeys(applied, material));
  return {
    certificates: plan.pki.certificates
      .map(({ name }) => ({
        name,
        expires: new Date(new X509Certificate(material.get(`${name}.crt`) ?? '').validTo).toISOString(),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    restarts: changes.machines.flatMap(({ name, work }) =>
      work.restart.length === 0 ? [] : [{ node: name, units: work.restart }],
    ),
  };
}
