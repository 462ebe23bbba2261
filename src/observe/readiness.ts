import type { Progress } from '../events.ts';
import type { MachineManager } from '../managers/types.ts';
import { KnestError, messageOf } from '../errors.ts';
import type { Host } from '../host/types.ts';
import type { ClusterPlan, MachinePlan } from '../plan/types.ts';
import { ApiError } from '../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../clients/kubernetes/client.ts';
import { pause, pollUntil } from '../poll.ts';
import { readNode } from './nodes.ts';
import type { KubernetesNode } from './nodes.ts';
import { watchNodes } from './node-watch.ts';
import type { NodeWatch } from './node-watch.ts';
import { readFailure } from '../managers/unit-failure.ts';
import { causesFirst, independent, isTroubled, readUnits } from './units.ts';

/** Milliseconds between two looks. One costs a millisecond of CPU; before the API server listens, even less. */
const interval = 100;

/** Milliseconds that a machine needs at least until its API server listens. */
const bootTime = 1000;

/** Milliseconds between two looks at what hardly ever happens: a machine that ends, a change that no watch has told. */
const rareInterval = 1000;

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
  /** Tells what changes, so that the API server need not be asked again and again. Default: it is asked. */
  watch?: NodeWatch;
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
  const { timeout, signal, progress, watch } = options;
  let nextLook = lookInterval;
  let registered = false;
  let last = '';
  let listening = false;
  const error = (): Promise<KnestError> => notReady(host, manager, machine, last, timeout);
  const readLatest = latestOf(client, machine, watch);
  const running = everySoOften(rareInterval, () => requireRunning(host, manager, machine));
  await pollUntil({ interval: 0, limit: { timeout, error }, signal }, async (waited) => {
    listening ||= await client.isListening(connectTimeout);
    if (listening) watch?.open();
    const next = watch?.next();
    const state: Look = listening ? await look(readLatest, machine, registered, options) : silent;
    const isNew = state.registered && !registered;
    registered ||= state.registered;
    if (state.ready) return { value: undefined };
    if (state.says !== last) progress(state.says);
    last = state.says;
    await running();
    if (waited() > nextLook) {
      nextLook = waited() + lookInterval;
      if (await isHopeless(manager, machine)) throw await notReady(host, manager, machine, last, waited());
    }
    // what has just registered may be Ready already
    if (isNew) return undefined;
    const isTold = watch?.isOpen() === true && (state.registered || state === unregistered);
    if (next && isTold) {
      await pauseUntil(next, Math.min(rareInterval, Math.max(0, timeout - waited()) + 1), signal);
    } else await pause(!listening && waited() > bootTime ? interval / 2 : interval, signal);
    return undefined;
  });
}

/**
 * The node as the watch has told it; asked for itself while there is no watch, and once a second beside one, as something
 * on the way may hold back what the API server says.
 * @returns of the function: undefined: the watch has told of no such node; ApiError and others as readNode
 */
function latestOf(
  client: KubernetesClient,
  { name }: MachinePlan,
  watch: NodeWatch | undefined,
): () => Promise<KubernetesNode | undefined> {
  let asked = performance.now();
  return async () => {
    const isDue = performance.now() - asked >= rareInterval;
    if (watch?.isOpen() && !isDue) return watch.latest(name);
    asked = performance.now();
    return readNode(client, name);
  };
}

/** @throws the signal's reason */
async function pauseUntil(next: AbortSignal, milliseconds: number, signal: AbortSignal): Promise<void> {
  await pause(milliseconds, AbortSignal.any([next, signal])).catch(() => undefined);
  signal.throwIfAborted();
}

async function requireRunning(host: Host, manager: MachineManager, machine: MachinePlan): Promise<void> {
  if ((await manager.leader(machine)) !== undefined) return;
  throw new KnestError(`machine ${machine.name} ended on ${host.name} while its node was starting`, {
    code: 'NOT_READY',
    details: await manager.consoleTail(machine),
  });
}

/** Does something when it was not done for so many milliseconds. */
function everySoOften(milliseconds: number, work: () => Promise<void>): () => Promise<void> {
  let done = -Infinity;
  return async () => {
    if (performance.now() - done < milliseconds) return;
    done = performance.now();
    await work();
  };
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
  let failure: unknown;
  const error = (): KnestError =>
    new KnestError('namespace "default" has no service account: pods cannot start', {
      code: 'NOT_READY',
      cause: failure,
      hint: 'look at the controller manager: knest logs NODE -u kube-controller-manager',
    });
  await pollUntil({ interval, limit: { timeout, error }, signal }, async (waited) => {
    try {
      return { value: await client.get(`${serviceAccounts}/default`) };
    } catch (refused) {
      failure = refused;
    }
    const patience = Math.min(watchPatience, Math.max(0, timeout - waited()));
    const isThere = await isTold(client, `${serviceAccounts}?${watchDefault}`, { patience, signal });
    return isThere ? { value: undefined } : undefined;
  });
}

const serviceAccounts = '/api/v1/namespaces/default/serviceaccounts';
const watchDefault = 'fieldSelector=metadata.name%3Ddefault&watch=true';

/** Milliseconds until a watch is not trusted any longer: something on the way may hold back what the API server says. */
const watchPatience = 2000;

/**
 * Whether a watch tells of an object within so many milliseconds. One that is refused has told nothing.
 *
 * Not with AbortSignal.timeout: nothing holds such a signal behind AbortSignal.any, and one that Node's garbage collector
 * has taken is never aborted.
 */
async function isTold(
  client: Pick<KubernetesClient, 'lines'>,
  path: string,
  { patience, signal }: { patience: number; signal: AbortSignal },
): Promise<boolean> {
  let told = false;
  const onLine = (line: string): void => {
    told = (JSON.parse(line) as { type?: unknown }).type === 'ADDED';
    if (told) throw new Error('that is all');
  };
  const end = new AbortController();
  const stop = (): void => {
    end.abort();
  };
  const timer = setTimeout(stop, patience);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await client.lines(path, { onOpen: () => undefined, onLine, signal: end.signal });
  } catch {
    // refused, ended, or told
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
  return told;
}

/** Waits for all nodes of a cluster at once. */
export async function waitForNodes(
  host: Host,
  manager: MachineManager,
  client: KubernetesClient,
  plan: ClusterPlan,
  options: ReadinessOptions,
): Promise<void> {
  const watch = watchNodes(client);
  try {
    const all = { watch, ...options };
    await Promise.all(plan.machines.map((machine) => waitForNode(host, manager, client, machine, all)));
  } finally {
    watch.close();
  }
}

interface Look {
  ready: boolean;
  registered: boolean;
  says: string;
}

async function look(
  readLatest: () => Promise<KubernetesNode | undefined>,
  machine: MachinePlan,
  registered: boolean,
  {
    since,
    withoutNetwork = false,
    onRegistered,
  }: Pick<ReadinessOptions, 'since' | 'withoutNetwork' | 'onRegistered'>,
): Promise<Look> {
  try {
    const node = await readLatest();
    if (!node) return unregistered;
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
    if (error instanceof ApiError) return error.status === 404 ? unregistered : unprepared;
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
const unprepared: Look = { ready: false, registered: false, says: 'API server is starting' };
const unregistered: Look = {
  ready: false,
  registered: false,
  says: 'API server is up, kubelet has not registered',
};

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

async function notReady(
  host: Host,
  manager: MachineManager,
  machine: MachinePlan,
  last: string,
  waited: number,
): Promise<KnestError> {
  const trouble = await findTrouble(manager, machine).catch((error: unknown): Trouble => ({
    details: [`asking the machine failed: ${messageOf(error)}`],
  }));
  const unit = trouble.unit === undefined ? '' : ` -u ${trouble.unit}`;
  return new KnestError(
    `node ${machine.name} on ${host.name} is not Ready after ${seconds(waited)} s: ${trouble.reason ?? last}`,
    {
      code: 'NOT_READY',
      details: trouble.details,
      hint: `with --retain the machine stays: knest logs ${machine.name}${unit}, knest shell ${machine.name}`,
    },
  );
}

interface Trouble {
  /** Of the first unit in trouble. */
  unit?: string;
  /** What it says itself. */
  reason?: string;
  details: readonly string[];
}

/** Tenths are enough. */
function seconds(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}

async function findTrouble(manager: MachineManager, machine: MachinePlan): Promise<Trouble> {
  const units = await readUnits(manager, machine);
  const troubled = units.filter(isTroubled);
  const relevant = troubled.length > 0 ? troubled : units.filter(({ active }) => active !== 'active');
  const shown = causesFirst(relevant);
  const said = await Promise.all(shown.map((unit) => readFailure(manager, machine, unit.name, 5)));
  const details = shown.flatMap((unit, index) => [
    `${unit.name} is ${unit.active} (${unit.sub}), restarted ${unit.restarts} times; its journal ends:`,
    ...(said[index]?.lines ?? []).map((line) => `  ${line}`),
  ]);
  const at = troubled.length === 0 ? -1 : said.findIndex(({ reason }) => reason !== undefined);
  const [unit, reason] = [shown[at]?.name.replace(/\.service$/, ''), said[at]?.reason];
  return unit === undefined || reason === undefined
    ? { details }
    : { unit, reason: `${unit} says: ${reason}`, details };
}
