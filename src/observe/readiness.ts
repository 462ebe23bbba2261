import type { Progress } from '../events.ts';
import type { MachineManager } from '../managers/types.ts';
import { KnestError, messageOf } from '../errors.ts';
import type { Host } from '../host/types.ts';
import type { ClusterPlan, MachinePlan } from '../plan/types.ts';
import { ApiError } from '../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../clients/kubernetes/client.ts';
import { pollUntil } from '../poll.ts';
import { readNode } from './nodes.ts';
import { isTroubled, readJournal, readUnits } from './units.ts';

/** Milliseconds between two looks. One costs a millisecond of CPU; before the API server listens, even less. */
const interval = 50;

export interface ReadinessOptions {
  /** Milliseconds. */
  timeout: number;
  progress: Progress;
  signal: AbortSignal;
  /** Only what a kubelet has said after this counts: a node that was Ready when it was stopped still says so. */
  since?: Date;
  /**
   * What is to be done with a Node object once it is there; before that it does not count as ready. Tried again when the
   * API server refuses it.
   */
  onRegistered?: (machine: MachinePlan) => Promise<void>;
  /** The user brings a network add-on: a node that lacks nothing else is as ready as it can be. */
  withoutNetwork?: boolean;
}

/**
 * Waits for a machine's Node object to be there, and then to be Ready.
 * @throws KnestError kind "notReady" that names the unit in trouble, with the end of its journal
 */
export async function waitForNode(
  host: Host,
  manager: MachineManager,
  client: KubernetesClient,
  machine: MachinePlan,
  options: ReadinessOptions,
): Promise<void> {
  const { timeout, signal, progress } = options;
  let nextLook = lookInterval;
  let registered = false;
  let last = '';
  let listening = false;
  const error = (): Promise<KnestError> => notReady(host, manager, machine, last, timeout);
  await pollUntil({ interval, limit: { timeout, error }, signal }, async (waited) => {
    listening ||= await client.isListening(connectTimeout);
    const state: Look = listening ? await look(client, machine, registered, options) : silent;
    registered ||= state.registered;
    if (state.ready) return { value: undefined };
    if (state.says !== last) progress(state.says);
    last = state.says;
    if ((await manager.leader(machine)) === undefined) {
      throw new KnestError(`machine ${machine.name} ended on ${host.name} while its node was starting`, {
        code: 'NOT_READY',
        details: await manager.consoleTail(machine),
      });
    }
    if (waited() > nextLook) {
      nextLook = waited() + lookInterval;
      if (await isHopeless(manager, machine)) throw await notReady(host, manager, machine, last, waited());
    }
    return undefined;
  });
}

/**
 * Waits until namespace `default` takes pods: a node is Ready a second or two before the API server has made the
 * namespace and the controller manager its service account, and `kubectl run` fails until then.
 * @throws KnestError kind "notReady"
 */
export async function waitForServiceAccount(
  client: KubernetesClient,
  { timeout, signal }: Pick<ReadinessOptions, 'timeout' | 'signal'>,
): Promise<void> {
  const path = '/api/v1/namespaces/default/serviceaccounts/default';
  let failure: unknown;
  const error = (): KnestError =>
    new KnestError('namespace "default" has no service account: pods cannot start', {
      code: 'NOT_READY',
      cause: failure,
      hint: 'look at the controller manager: knest logs NODE -u kube-controller-manager',
    });
  await pollUntil({ interval, limit: { timeout, error }, signal }, async () => {
    try {
      return { value: await client.get(path) };
    } catch (refused) {
      failure = refused;
      return undefined;
    }
  });
}

/** Waits for all nodes of a cluster at once. */
export async function waitForNodes(
  host: Host,
  manager: MachineManager,
  client: KubernetesClient,
  plan: ClusterPlan,
  options: ReadinessOptions,
): Promise<void> {
  await Promise.all(plan.machines.map((machine) => waitForNode(host, manager, client, machine, options)));
}

interface Look {
  ready: boolean;
  registered: boolean;
  says: string;
}

async function look(
  client: KubernetesClient,
  machine: MachinePlan,
  registered: boolean,
  {
    since,
    withoutNetwork = false,
    onRegistered,
  }: Pick<ReadinessOptions, 'since' | 'withoutNetwork' | 'onRegistered'>,
): Promise<Look> {
  try {
    const node = await readNode(client, machine.name);
    if (!registered) {
      await onRegistered?.(machine);
      return { ready: false, registered: true, says: 'node has registered' };
    }
    if (since && (node.heartbeat === undefined || node.heartbeat < since)) {
      return { ready: false, registered: true, says: 'waiting for the kubelet' };
    }
    const reason = node.conditions.find(({ type }) => type === 'Ready')?.message;
    const ready = node.ready || (withoutNetwork && lacksOnlyNetwork(reason));
    return { ready, registered: true, says: reason ?? 'node has no conditions yet' };
  } catch (error) {
    // 404: not registered; 403, 409, 500, 503: the API server is still filling its own tables
    if (error instanceof ApiError) {
      const says =
        error.status === 404 ? 'API server is up, kubelet has not registered' : 'API server is starting';
      return { ready: false, registered: false, says };
    }
    return silent;
  }
}

/**
 * The kubelet joins what is wrong by commas: "runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady
 * message:..." and nothing before or after it.
 */
function lacksOnlyNetwork(reason: string | undefined): boolean {
  return /^\[?(container )?runtime network not ready: [^,\]]*\]?$/.test(reason ?? '');
}

const silent: Look = { ready: false, registered: false, says: 'waiting for the API server' };

/**
 * Milliseconds until an attempt to connect is given up. While the machine has no address yet, one would hang for the full
 * second that TCP waits before it tries again.
 */
const connectTimeout = 100;

/** Milliseconds between two looks at a node's units: what starts well is Ready before the first. */
const lookInterval = 15_000;

/** A component that needs no other one and still ends again and again will not do better in five minutes. */
async function isHopeless(manager: MachineManager, machine: MachinePlan): Promise<boolean> {
  const units = await readUnits(manager, machine).catch(() => []);
  return units.some((unit) => independent.has(unit.name) && isTroubled(unit) && unit.restarts > 25);
}

const independent: ReadonlySet<string> = new Set([
  'etcd.service',
  'kube-apiserver.service',
  'containerd.service',
]);

async function notReady(
  host: Host,
  manager: MachineManager,
  machine: MachinePlan,
  last: string,
  waited: number,
): Promise<KnestError> {
  const trouble = await findTrouble(manager, machine).catch((error: unknown) => [
    `asking the machine failed: ${messageOf(error)}`,
  ]);
  return new KnestError(
    `node ${machine.name} on ${host.name} is not Ready after ${seconds(waited)} s: ${last}`,
    {
      code: 'NOT_READY',
      details: trouble,
      hint: `with --retain the machine stays: knest logs ${machine.name}, knest shell ${machine.name}`,
    },
  );
}

/** Tenths are enough. */
function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}

async function findTrouble(manager: MachineManager, machine: MachinePlan): Promise<string[]> {
  const units = await readUnits(manager, machine);
  const troubled = units.filter(isTroubled);
  const shown = troubled.length > 0 ? troubled : units.filter(({ active }) => active !== 'active');
  const journals = await Promise.all(
    shown.map(async (unit) => [
      `${unit.name} is ${unit.active} (${unit.sub}), restarted ${unit.restarts} times; its journal ends:`,
      ...(await readJournal(manager, machine, unit.name, 8)).map((line) => `  ${line}`),
    ]),
  );
  return journals.flat();
}
