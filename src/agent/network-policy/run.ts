/**
 * NetworkPolicy: what pods of this node may reach, and what may reach them, as a table of nftables in the machine. In a
 * cluster without policies nobody watches its pods.
 */

import type { NetworkPolicyConfig } from '../config.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import type { EndpointsObject, KubernetesObject, PodObject } from '../../clients/kubernetes/objects.ts';
import { log } from '../log.ts';
import { hearOfPods } from './announce.ts';
import type { Announcement } from './announce.ts';
import { filterBridge } from './bridge-netfilter.ts';
import { keepRules } from './keep-rules.ts';
import type { RuleKeeper } from './keep-rules.ts';
import { runNft } from './nft.ts';
import type { NetworkPolicyObject } from './objects.ts';
import { podStore } from './pods.ts';
import { dnsEndpoints, policyRecord } from './records.ts';
import type { DnsEndpoint, PolicyRecord } from './records.ts';
import { rulesetOf } from './ruleset.ts';
import { viewOf } from './view.ts';

const policiesPath = '/apis/networking.k8s.io/v1/networkpolicies';
const dnsPath = '/api/v1/namespaces/kube-system/endpoints';

/** Milliseconds that a new pod waits for its rules at most: it must start, even if the API server is away. */
const patience = 2000;

/** Works for as long as the process lives. Returns when the policies that are there are enforced. */
export async function runNetworkPolicy(
  node: string,
  { families, socket }: NetworkPolicyConfig,
  api: KubernetesClient,
  nft = runNft,
): Promise<void> {
  const policies = new Map<string, PolicyRecord>();
  const pods = podStore();
  const namespaces = new Map<string, Readonly<Record<string, string>>>();
  let dns: DnsEndpoint[] = [];
  /** Whether all policies are known, and everything else that they need. */
  let listed = false;
  let complete = false;
  const waiting = new Set<() => void>();
  const rules: RuleKeeper = keepRules(() => {
    if (policies.size === 0) return undefined;
    const state = { policies: [...policies.values()], pods: pods.all(), namespaces, dns };
    return rulesetOf(viewOf(state), node, families);
  }, nft);
  const changed = (): void => {
    // half a cluster would forbid what is allowed
    if (complete) rules.changed();
    for (const look of waiting) look();
  };
  /** Until something is so, but not for long. */
  const until = (isSo: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (isSo()) done();
      };
      const done = (): void => {
        clearTimeout(timer);
        waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(done, patience);
      waiting.add(look);
      look();
    });
  const welcome = async (pod: Announcement): Promise<void> => {
    await until(() => listed);
    if (policies.size === 0) return;
    pods.announce(pod);
    await until(() => complete && pods.find(pod) !== undefined);
    changed();
    await rules.settled();
  };

  const watchPods = (): Promise<unknown> =>
    Promise.all([
      keepWatching<PodObject>(
        api,
        '/api/v1/pods',
        {
          set: (pod) => {
            if (pods.set(pod)) changed();
          },
          delete: (pod) => {
            pods.delete(pod);
            changed();
          },
        },
        { fields: 'status.phase!=Succeeded,status.phase!=Failed' },
      ),
      keepWatching(api, '/api/v1/namespaces', {
        set: ({ metadata }) => {
          namespaces.set(metadata?.name ?? '', metadata?.labels ?? {});
          changed();
        },
        delete: ({ metadata }) => {
          namespaces.delete(metadata?.name ?? '');
          changed();
        },
      }),
      keepWatching<EndpointsObject>(
        api,
        dnsPath,
        {
          set: (endpoints) => {
            dns = dnsEndpoints(endpoints);
            changed();
          },
          delete: () => {
            dns = [];
            changed();
          },
        },
        { fields: 'metadata.name=kube-dns' },
      ),
    ]);

  /** Once there is a first policy; watching does not stop when the last one goes. */
  let watching: Promise<void> | undefined;
  const enforce = async (): Promise<void> => {
    await filterBridge(families);
    await watchPods();
    complete = true;
    changed();
    log.info('network policies are enforced');
  };
  await hearOfPods(socket, welcome);
  await keepWatching<NetworkPolicyObject>(api, policiesPath, {
    set: (policy) => {
      policies.set(keyOf(policy), policyRecord(policy));
      watching ??= enforce();
      changed();
    },
    delete: (policy) => {
      policies.delete(keyOf(policy));
      changed();
    },
  });
  listed = true;
  changed();
  // rules that an earlier agent has left go, or become those of now
  if (watching) await watching;
  else rules.changed();
  await rules.settled();
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
