import { runSequence, serial } from '../../apply/runner.ts';
import { issuePki, lifetimesOf, needsRenewal } from '../../pki/issue.ts';
import { readKeyMaterial, requireCluster, writeKeyMaterial } from '../../state/clusters.ts';
import type { OpenCluster } from '../change/open-cluster.ts';
import { carryOut, settle } from '../nodes/move-to-plan.ts';

/**
 * Renews what is about to end, or has ended, before a cluster is changed or started: knest's own certificate, that of
 * kubeconfigs, and those of machines that were off for too long to do it themselves. Does nothing while all of them last.
 * @returns the cluster as it is afterwards
 */
export async function renewDueCertificates(cluster: OpenCluster): Promise<OpenCluster> {
  const { session, manager, record } = cluster;
  const { plan, applied, created } = record;
  const now = new Date();
  const known = await readKeyMaterial(session.host, session.paths, plan.cluster);
  const { renewBefore } = lifetimesOf(plan.pki);
  const due = plan.pki.certificates
    .map(({ name }) => name)
    .filter((name) => isDue(known.get(`${name}.crt`), now, renewBefore));
  // what is half made is for create to finish, which issues what is due
  if (created === undefined || due.length === 0) return cluster;
  const message = `certificates end within ${duration(renewBefore)} and are renewed: ${due.join(', ')}`;
  session.listener({ type: 'note', level: 'info', message });
  const material = await issuePki(plan.pki, known, now);
  await writeKeyMaterial(session.host, session.paths, plan.cluster, material, known);
  const move = { session, manager, material, applied, plan };
  const steps = serial(
    { id: 'others', title: 'Nodes have their new certificates', run: () => carryOut(move) },
    { id: 'kubeconfig', title: `Context ${plan.context}`, run: () => settle(move) },
  );
  await runSequence(steps, session.listener, session.signal);
  return { ...cluster, material, record: await requireCluster(session.host, session.paths, plan.cluster) };
}

/** One that is missing or broken is none that ends. */
function isDue(pem: string | undefined, now: Date, renewBefore: number): boolean {
  try {
    return pem !== undefined && needsRenewal(pem, now, renewBefore);
  } catch {
    return false;
  }
}

function duration(seconds: number): string {
  return seconds < 2 * 86_400
    ? `${Math.round(seconds / 60)} minutes`
    : `${Math.round(seconds / 86_400)} days`;
}
