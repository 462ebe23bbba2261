import type { MachineManager } from '../../managers/types.ts';
import { parallel, runSequence, serial } from '../../apply/runner.ts';
import type { Sequence, Step } from '../../apply/runner.ts';
import { KnestError } from '../../errors.ts';
import { lossByStopping, quorumOf } from '../../clients/etcd/quorum.ts';
import { readEtcd } from '../../observe/etcd-members.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { clusterLock, readKeyMaterial, requireCluster } from '../../state/clusters.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import { unionPlan } from '../../state/union-plan.ts';
import { acquireLock } from '../../state/lock.ts';
import { finishChange, wantedAndMade } from '../nodes/finish-change.ts';
import type { FinishOptions } from '../nodes/finish-change.ts';
import { followLeases, rejoinAtNewAddress } from './follow-leases.ts';
import { retryUntilReady } from '../retry.ts';
import { openManager, requireMachines } from '../find-machines.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import { defaultWait, networkStep, readySteps } from '../steps.ts';
import type { Context } from '../types.ts';

export interface PowerOptions extends Context {
  name: string;
}

export interface NodePowerOptions extends Context {
  /** May belong to several clusters. */
  nodes: readonly string[];
}

export interface WaitOptions {
  /** Milliseconds to wait for what is started to be Ready; 0 does not wait. Default 5 minutes. */
  wait?: number;
}

/**
 * Powers all machines of a cluster off; their disks, and so the cluster, stay.
 * @throws KnestError kind "notFound", or "locked" while another knest works on it
 */
export async function stopCluster(options: PowerOptions): Promise<void> {
  await withCluster(options, options.name, async (power) => {
    await stopAll(power);
  });
}

/**
 * Starts what does not run of a cluster, its network included, and waits for its nodes: after stopCluster, after a
 * crash, after a reboot of the host.
 * @throws KnestError kind "notFound", "locked" or "notReady"
 */
export async function startCluster(options: PowerOptions & WaitOptions): Promise<void> {
  await withCluster(options, options.name, (power) => startAll(power, options));
}

/** All machines of a cluster off, and on again. @throws KnestError as of stopCluster and startCluster */
export async function restartCluster(options: PowerOptions & WaitOptions): Promise<void> {
  await withCluster(options, options.name, async (power) => {
    await stopAll(power);
    await startAll(power, options);
  });
}

async function stopAll(power: Power): Promise<void> {
  const { plan, manager } = power;
  // also those that come or go by a change that was interrupted
  await run(power, stopSteps(power, unionPlan(power).machines));
  await manager.afterStop(plan);
}

/**
 * At the addresses that DHCP gives them by now, where they have theirs by DHCP. A change that was interrupted is finished
 * in two parts: what machines are told before they start, nodes that come or go when the API answers again.
 */
async function startAll(before: Power, options: WaitOptions): Promise<void> {
  const finished = await finish(before);
  const power = { ...finished, ...(await followLeases(finished)) };
  await run(power, await startSteps(power, wantedAndMade(power), options));
  if (options.wait !== 0) await run(power, rejoinAtNewAddress(power));
  await finish(power, { tell: false });
}

/** As it is on disk, with what an interrupted change had left to do. */
async function finish(power: Power, options: FinishOptions = {}): Promise<Power> {
  const { session, manager, plan } = power;
  const record = await requireCluster(session.host, session.paths, plan.cluster);
  const open = await finishChange({ session, manager, material: power.material, record }, options);
  return { session, manager, material: open.material, ...open.record };
}

/**
 * Powers single nodes off. Their Node objects stay, and are NotReady after 40 s.
 * @throws KnestError when etcd would lose its quorum, unless `force`; kind "notFound", "locked"
 */
export async function stopNodes(options: NodePowerOptions & { force?: boolean }): Promise<void> {
  await eachCluster(
    options,
    async (power, machines) => {
      const loss = options.force ? undefined : await whyNotStop(power, machines);
      if (loss) throw loss;
      await run(power, stopSteps(power, machines));
    },
    { finishing: false },
  );
}

/**
 * Starts single nodes, and waits for these; unless so few control planes run then that the API cannot answer.
 * @throws KnestError kind "notFound", "locked" or "notReady"
 */
export async function startNodes(options: NodePowerOptions & WaitOptions): Promise<void> {
  await eachCluster(options, async (power, machines) => {
    const wait = (await canAnswer(power, machines)) ? options : { wait: 0 };
    await run(power, await startSteps(power, machines, wait));
  });
}

/**
 * Single nodes off and on again, one after the other: the next one when the one before is Ready, so that etcd keeps its
 * quorum where it can.
 * @throws KnestError kind "notFound", "locked" or "notReady"
 */
export async function restartNodes(options: NodePowerOptions & WaitOptions): Promise<void> {
  await eachCluster(options, async (power, machines) => {
    for (const machine of machines) {
      if (await whyNotStop(power, [machine])) {
        const message = `the API does not answer while ${machine.name} restarts: etcd has no quorum without it`;
        power.session.listener({ type: 'note', level: 'warning', message });
      }
      await run(power, stopSteps(power, [machine]));
      await run(power, await startSteps(power, [machine], options));
      if (machine !== machines.at(-1) && options.wait !== 0) await run(power, rejoinSteps(power, machine));
    }
  });
}

/** A cluster whose lock is held. */
interface Power extends ClusterRecord {
  session: Session;
  manager: MachineManager;
  material: KeyMaterial;
}

async function withCluster(
  context: Context,
  name: string,
  work: (power: Power) => Promise<void>,
): Promise<void> {
  const session = openSession(context);
  const { host, paths } = session;
  await requireCluster(host, paths, name);
  const lock = await acquireLock(host, clusterLock(paths, name));
  try {
    // read under the lock: another knest may have added a node meanwhile
    const [record, manager, material] = await Promise.all([
      requireCluster(host, paths, name),
      openManager(session),
      readKeyMaterial(host, paths, name),
    ]);
    await work({ session, manager, material, ...record });
  } finally {
    await lock.release();
  }
}

/** Nodes by their clusters, one cluster after the other. */
async function eachCluster(
  options: NodePowerOptions,
  work: (power: Power, machines: readonly MachinePlan[]) => Promise<void>,
  { finishing = true }: { finishing?: boolean } = {},
): Promise<void> {
  const found = await requireMachines(openSession(options), options.nodes);
  const clusters = new Set(found.map(({ record }) => record.plan.cluster));
  for (const cluster of clusters) {
    const names = found
      .filter(({ record }) => record.plan.cluster === cluster)
      .map(({ machine }) => machine.name);
    await withCluster(options, cluster, async (found) => {
      const power = finishing ? await finish(found) : found;
      const machines = wantedAndMade(power);
      refuseUnmade(power.plan, machines, finishing ? names : []);
      await work(
        power,
        names.flatMap((name) => machines.filter((machine) => machine.name === name)),
      );
    });
  }
}

/** A node that was being added cannot be made while the API does not answer. */
function refuseUnmade(
  { cluster, machines }: ClusterPlan,
  made: readonly MachinePlan[],
  names: readonly string[],
): void {
  const unmade = names.filter(
    (name) => machines.some((one) => one.name === name) && !made.some((one) => one.name === name),
  );
  if (unmade.length === 0) return;
  throw new KnestError(`adding ${unmade.join(', ')} was interrupted, and there is no machine yet`, {
    code: 'CLUSTER_INCOMPLETE',
    hint: `finish it: knest start cluster --name ${cluster}; or: knest delete node --force ${unmade.join(' ')}`,
  });
}

function run({ session }: Power, sequence: Sequence): Promise<void> {
  return runSequence(sequence, session.listener, session.signal);
}

function stopSteps({ manager }: Power, machines: readonly MachinePlan[]): Sequence {
  const steps = machines.map((machine): Step => ({
    id: `stop/${machine.name}`,
    title: `Stop machine ${machine.name}`,
    done: async () => (await manager.leader(machine)) === undefined,
    run: () => manager.stop(machine),
  }));
  return parallel(...steps);
}

/** Starts those of the machines that do not run, and waits for all of them. */
async function startSteps(
  power: Power,
  machines: readonly MachinePlan[],
  { wait = defaultWait }: WaitOptions,
): Promise<Sequence> {
  const { session, plan, manager } = power;
  const leaders = await Promise.all(machines.map((machine) => manager.leader(machine)));
  const steps = machines.map((machine): Step => ({
    id: `start/${machine.name}`,
    title: `Start machine ${machine.name}`,
    done: async () => (await manager.leader(machine)) !== undefined,
    run: ({ signal }) => manager.start(machine, signal),
  }));
  const stopped = machines.filter((_, index) => leaders[index] === undefined);
  return serial(
    networkStep(session, manager, plan),
    parallel(...steps),
    ...(wait > 0 ? waitSteps(power, stopped, machines, wait) : []),
  );
}

/**
 * Of a machine that has just been started, only what its kubelet says from now on counts: the API server still has what
 * it said before. Of one that ran all along that would not do: it reports every five minutes only.
 */
function waitSteps(
  { session, plan, manager, material }: Power,
  started: readonly MachinePlan[],
  all: readonly MachinePlan[],
  timeout: number,
): Step[] {
  // heartbeats are told in whole seconds
  const since = new Date(Math.floor(Date.now() / 1000) * 1000);
  const waiting = (machines: readonly MachinePlan[], more: { since?: Date }): Step[] =>
    machines.length === 0
      ? []
      : readySteps({
          session,
          plan: { ...plan, machines },
          manager,
          material,
          timeout,
          ...more,
        });
  const others = waiting(
    all.filter((machine) => !started.includes(machine)),
    {},
  );
  const [ready, ...usable] = waiting(started, { since });
  if (!ready) return others;
  const [othersReady] = others;
  return [
    ready,
    ...(othersReady ? [{ ...othersReady, id: 'ready/others' as const, title: 'Other nodes Ready' }] : []),
    ...usable,
  ];
}

/** Whether etcd can have a quorum once the machines run; if not, it says what is missing. */
async function canAnswer(
  { session, plan, manager }: Power,
  starting: readonly MachinePlan[],
): Promise<boolean> {
  const controlPlanes = controlPlanesOf(plan.machines);
  const leaders = await Promise.all(controlPlanes.map((machine) => manager.leader(machine)));
  const up = controlPlanes.filter(
    (machine, index) => leaders[index] !== undefined || starting.some(({ name }) => name === machine.name),
  );
  const needed = quorumOf(controlPlanes.length);
  if (up.length >= needed) return true;
  const message =
    `not waiting for Ready: ${up.length} of ${controlPlanes.length} control planes will run, and the API answers ` +
    `when ${needed} do`;
  session.listener({ type: 'note', level: 'warning', message });
  return false;
}

/** A node is Ready before its member of etcd counts again; to go on then could cost the quorum. */
function rejoinSteps({ session, plan, material }: Power, machine: MachinePlan): Sequence {
  if (machine.role !== 'control-plane') return serial();
  const running = new Set([machine.name]);
  return {
    id: `rejoin/${machine.name}`,
    title: `${machine.name} is back in etcd`,
    run: ({ signal }) =>
      retryUntilReady(`see ${machine.name} back in etcd`, signal, async () => {
        const { members } = await readEtcd(plan, running, material, { via: session.host });
        const own = members.find(({ name }) => name === machine.name);
        if (!own?.healthy)
          throw new KnestError(`etcd: ${own?.detail ?? 'no such member'}`, { code: 'QUORUM_LOSS' });
      }),
  };
}

/** Why machines should not be stopped; undefined when etcd keeps its quorum, or has none to lose. */
async function whyNotStop(
  { session, plan, manager, material }: Power,
  stopping: readonly MachinePlan[],
): Promise<KnestError | undefined> {
  if (!stopping.some(({ role }) => role === 'control-plane')) return undefined;
  const leaders = await Promise.all(
    plan.machines.map(async (machine) => [machine.name, await manager.leader(machine)] as const),
  );
  const running = leaders.filter(([, leader]) => leader !== undefined).map(([name]) => name);
  const { members } = await readEtcd(plan, new Set(running), material, { via: session.host });
  const names = stopping.map(({ name }) => name);
  const loss = lossByStopping(members, names);
  if (!loss) return undefined;
  const unwell = members.filter(({ healthy }) => !healthy);
  const first = unwell.length === 0 ? '' : 'start other control planes first, ';
  return new KnestError(
    `stopping ${names.join(', ')} would leave etcd ${loss.left} of its ${loss.voters} members, and it needs ` +
      `${loss.needed}: the API would answer no more until enough control planes run again`,
    {
      code: 'QUORUM_LOSS',
      details: unwell.map(({ name, detail }) => `not well already: ${name} (${detail})`),
      hint: `${first}stop it all with "knest stop cluster --name ${plan.cluster}", or use --force`,
    },
  );
}
