/**
 * The Endpoints of the Service kube-dns, kept by the agents themselves: each adds its own address and removes those of
 * agents that are silent. No leader is needed: all agents want the same result, and the API server refuses a change to an
 * object that somebody else has changed meanwhile.
 *
 * Endpoints and not EndpointSlices: the controller manager mirrors them into slices, for kube-proxy, in every version from
 * 1.19 to 1.36, and tools that look for `kubectl get endpoints kube-dns` find it. From 1.33 on they are deprecated, which
 * is a warning in the answer and no end (KEP-4974).
 *
 * An agent shows that it lives by renewing a Lease, but only while there are others: alone, as in most clusters, it
 * writes nothing.
 */

import { setTimeout as sleep } from 'node:timers/promises';

import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import type { EndpointsObject, LeaseObject } from '../../clients/kubernetes/objects.ts';
import { log, reasonOf } from '../log.ts';

export interface Member {
  node: string;
  address: string;
  ports: { dns: number; metrics: number };
}

const namespace = 'kube-system';
const service = 'kube-dns';
const leaseLabel = 'knest.dev/agent';
const endpointsPath = `/api/v1/namespaces/${namespace}/endpoints`;
const leasesPath = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;

/** Milliseconds between two renewals, and of silence after which an agent counts as dead. */
const usual = { renewal: 1500, silence: 5000 };

/** Stays a member until the signal; then leaves at once. */
export async function keepMembership(
  api: KubernetesClient,
  member: Member,
  signal: AbortSignal,
  { renewal, silence }: typeof usual = usual,
): Promise<void> {
  const lastHeard = new Map<string, number>();
  let current: EndpointsObject | undefined;
  let changes = 0;
  let wake = (): void => undefined;
  const changed = (object: EndpointsObject | undefined): void => {
    current = object;
    changes += 1;
    wake();
  };
  const heard = ({ spec }: LeaseObject): void => {
    // measured by this machine's clock: those of others may differ
    if (spec?.holderIdentity !== undefined) lastHeard.set(spec.holderIdentity, performance.now());
  };
  await Promise.all([
    keepWatching<EndpointsObject>(
      api,
      endpointsPath,
      {
        set: (object) => {
          changed(object);
        },
        delete: () => {
          changed(undefined);
        },
      },
      { fields: `metadata.name=${service}` },
    ),
    keepWatching<LeaseObject>(
      api,
      leasesPath,
      { set: heard, delete: () => undefined },
      { labels: `${leaseLabel}=dns` },
    ),
  ]);
  const started = performance.now();
  let blocked = false;
  while (!signal.aborted) {
    const seen = changes;
    // an agent not heard of yet gets the same time, counted from the start of this one
    const alive = (address: string): boolean =>
      performance.now() - (lastHeard.get(address) ?? started) < silence;
    const others = addressesIn(current).filter((address) => address !== member.address);
    try {
      const wanted = [member.address, ...others.filter(alive)];
      // Renew first: an agent that cannot is taken out by the others, and must not add itself again.
      if (others.length > 0) await renew(api, member, silence);
      if (!isAsWanted(current, wanted, member)) await write(api, current, wanted, member);
      blocked = false;
    } catch (error) {
      if (!isConflict(error)) {
        if (!blocked) log.warning(`endpoints of ${service}: ${reasonOf(error)}`);
        blocked = true;
      }
      await sleep(100);
    }
    if (changes !== seen) continue;
    await new Promise<void>((resolve) => {
      // the only agent has nothing to do until something changes
      const timer = others.length > 0 || blocked ? setTimeout(resolve, renewal) : undefined;
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener('abort', wake, { once: true });
    });
    signal.removeEventListener('abort', wake);
  }
  // Tried a few times, as others may be leaving too. If it fails, the others notice the silence.
  for (let tries = 10; tries > 0; tries -= 1) {
    const found = addressesIn(current);
    const others = found.filter((address) => address !== member.address);
    // the last agent leaves its address in: it is most likely restarted in a moment
    if (others.length === 0 || others.length === found.length) return;
    try {
      await write(api, current, others, member);
      return;
    } catch (error) {
      if (!isConflict(error)) throw error;
      await sleep(50);
    }
  }
}

/** Another agent was faster, and the watch is about to bring what it wrote. */
function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status === 409;
}

function addressesIn(endpoints: EndpointsObject | undefined): string[] {
  return (endpoints?.subsets ?? []).flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip));
}

/** Whether those are in and nobody else; the order says nothing. */
function isAsWanted(
  current: EndpointsObject | undefined,
  wanted: readonly string[],
  member: Member,
): boolean {
  const subset = current?.subsets?.length === 1 ? current.subsets[0] : undefined;
  if (!subset) return false;
  const found = addressesIn(current);
  const ports = new Set(subset.ports?.map(({ name, port, protocol }) => `${name}/${port}/${protocol}`));
  return (
    found.length === wanted.length &&
    wanted.every((address) => found.includes(address)) &&
    portsOf(member).every(({ name, port, protocol }) => ports.has(`${name}/${port}/${protocol}`))
  );
}

async function write(
  api: KubernetesClient,
  current: EndpointsObject | undefined,
  addresses: readonly string[],
  member: Member,
): Promise<void> {
  const known = new Map(
    (current?.subsets ?? []).flatMap(({ addresses = [] }) => addresses.map((one) => [one.ip, one])),
  );
  const object: EndpointsObject = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: {
      ...current?.metadata,
      name: service,
      namespace,
      labels: { ...current?.metadata?.labels, 'k8s-app': 'kube-dns' },
    },
    subsets: [
      {
        addresses: [...addresses]
          .sort()
          .map((ip) => (ip === member.address ? { ip, nodeName: member.node } : (known.get(ip) ?? { ip }))),
        ports: portsOf(member),
      },
    ],
  };
  if (current) await api.replace(`${endpointsPath}/${service}`, object);
  else await api.create(endpointsPath, object);
  log.info(`endpoints of ${service}: ${addresses.join(', ')}`);
}

/** Named as in the manifests of CoreDNS: tools look for these. */
function portsOf({ ports }: Member) {
  return [
    { name: 'dns', port: ports.dns, protocol: 'UDP' },
    { name: 'dns-tcp', port: ports.dns, protocol: 'TCP' },
    { name: 'metrics', port: ports.metrics, protocol: 'TCP' },
  ];
}

async function renew(api: KubernetesClient, member: Member, silence: number): Promise<void> {
  const name = `knest-dns-${member.node}`;
  const spec = {
    holderIdentity: member.address,
    leaseDurationSeconds: Math.ceil(silence / 1000),
    renewTime: new Date().toISOString().replace('Z', '000Z'),
  };
  const labels = { [leaseLabel]: 'dns' };
  const object: LeaseObject = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace, labels },
    spec,
  };
  try {
    await api.patch(`${leasesPath}/${name}`, { spec });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
    await api.create(leasesPath, object);
  }
}
