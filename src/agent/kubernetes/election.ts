/**
 * Elects the one agent of several that does a piece of work: it holds a Lease and renews it. When it falls silent, another
 * agent takes the Lease. While there is nothing to do it is not renewed. Kubernetes: "Leases", "Leader election".
 */

import { log, reasonOf } from '../log.ts';
import { ApiError } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { keepWatching } from './keep-watching.ts';
import type { LeaseObject } from '../../clients/kubernetes/objects.ts';

export interface Election {
  /** Whether the work is ours at this moment. */
  readonly leads: boolean;
  /** Says that there may be something to do now. */
  look(): void;
}

export interface ElectionOptions {
  /** Of the Lease, in kube-system. */
  name: string;
  /** Ours; nobody else has it. */
  identity: string;
  /** Whether there is anything to do. */
  needed: () => boolean;
  /** The work is ours from now on. */
  onLead: () => void;
  /** Milliseconds between two renewals, and of silence after which another one takes over. */
  times?: { renewal: number; silence: number };
}

const leasesPath = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';

/** Takes part for as long as the process lives. Returns when it is known who has the Lease. */
export async function takePart(api: KubernetesClient, options: ElectionOptions): Promise<Election> {
  const { name, identity, times = { renewal: 1500, silence: 5000 } } = options;
  let current: LeaseObject | undefined;
  // measured by this machine's clock: those of others may differ
  let heard = performance.now();
  let renewed = Number.NEGATIVE_INFINITY;
  let wake = (): void => undefined;
  const take = (lease: LeaseObject | undefined): void => {
    current = lease;
    heard = performance.now();
    if (!lease) wake();
  };
  const election: Election = {
    get leads() {
      // it counts as lost one renewal before another agent may take it
      return performance.now() - renewed < times.silence - times.renewal;
    },
    look: () => {
      wake();
    },
  };
  await keepWatching<LeaseObject>(
    api,
    leasesPath,
    {
      set: (lease) => {
        if (lease.metadata?.name === name) take(lease);
      },
      delete: ({ metadata }) => {
        if (metadata?.name === name) take(undefined);
      },
    },
    { fields: `metadata.name=${name}` },
  );
  const renew = async (): Promise<void> => {
    const started = performance.now();
    const now = new Date().toISOString().replace('Z', '000Z');
    const spec = {
      ...{ holderIdentity: identity, renewTime: now },
      leaseDurationSeconds: Math.ceil(times.silence / 1000),
    };
    const lease = {
      ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
      ...{ metadata: { ...current?.metadata, name, namespace: 'kube-system' }, spec },
    };
    if (current) current = await api.replace<LeaseObject>(`${leasesPath}/${name}`, lease);
    else current = await api.create<LeaseObject>(leasesPath, lease);
    const before = election.leads;
    renewed = started;
    if (!before) {
      log.info(`${name}: this node does it from now on`);
      options.onLead();
    }
  };
  void renewForEver();
  return election;

  /** Milliseconds; undefined: until somebody says that there is something to do. */
  function pause(blocked: boolean): number | undefined {
    if (blocked) return times.renewal / 3;
    if (!options.needed()) return undefined;
    if (election.leads) return times.renewal;
    return Math.max(times.renewal / 10, heard + times.silence - performance.now());
  }

  async function renewForEver(): Promise<never> {
    let blocked = false;
    for (;;) {
      const free = current === undefined || performance.now() - heard > times.silence;
      try {
        if (options.needed() && (free || current?.spec?.holderIdentity === identity)) await renew();
        blocked = false;
      } catch (error) {
        // refused (409): another agent was faster, and the watch is about to bring what it wrote
        if (!(error instanceof ApiError && error.status === 409)) {
          if (!blocked) log.warning(`${name}: ${reasonOf(error)}`);
          blocked = true;
        }
      }
      await new Promise<void>((resolve) => {
        const timer = pause(blocked);
        const timeout = timer === undefined ? undefined : setTimeout(resolve, timer);
        wake = () => {
          clearTimeout(timeout);
          resolve();
        };
      });
    }
  }
}
