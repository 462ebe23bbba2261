/**
 * NetworkPolicy: what pods of this node may reach, and what may reach them, as a table of nftables in the machine. In a
 * cluster without policies nobody watches its pods.
 */

import type { NetworkPolicyConfig } from '../config.ts';
import type { Api } from '../kubernetes/api.ts';
import { keepWatching } from '../kubernetes/keep-watching.ts';
import type { KubernetesObject } from '../kubernetes/objects.ts';
import { log } from '../log.ts';
import { filterBridge } from './bridge-netfilter.ts';
import { keepRules } from './keep-rules.ts';
import type { RuleKeeper } from './keep-rules.ts';
import { runNft } from './nft.ts';
import type { EndpointsObject, NetworkPolicyObject, PodObject } from './objects.ts';
import { dnsEndpoints, podRecord, policyRecord } from './records.ts';
import type { DnsEndpoint, PodRecord, PolicyRecord } from './records.ts';
import { rulesetOf } from './ruleset.ts';
import { viewOf } from './view.ts';

const policiesPath = '/apis/networking.k8s.io/v1/networkpolicies';
const dnsPath = '/api/v1/namespaces/kube-system/endpoints';

/** Works for as long as the process lives. Returns when the policies that are there are enforced. */
export async function runNetworkPolicy(
  node: string,
  { families }: NetworkPolicyConfig,
  api: Api,
  nft = runNft,
): Promise<void> {
  const policies = new Map<string, PolicyRecord>();
  const pods = new Map<string, PodRecord>();
  const namespaces = new Map<string, Readonly<Record<string, string>>>();
  let dns: DnsEndpoint[] = [];
  let complete = false;
  const rules: RuleKeeper = keepRules(() => {
    if (policies.size === 0) return undefined;
    const state = { policies: [...policies.values()], pods: [...pods.values()], namespaces, dns };
    return rulesetOf(viewOf(state), node, families);
  }, nft);
  const changed = (): void => {
    // half a cluster would forbid what is allowed
    if (complete) rules.changed();
  };

  const watchPods = (): Promise<unknown> =>
    Promise.all([
      keepWatching<PodObject>(
        api,
        '/api/v1/pods',
        {
          set: (pod) => {
            const record = podRecord(pod);
            const before = pods.get(keyOf(pod));
            pods.set(keyOf(pod), record);
            // their states change more often than what counts here
            if (JSON.stringify(before) !== JSON.stringify(record)) changed();
          },
          delete: (pod) => {
            pods.delete(keyOf(pod));
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
  // rules that an earlier agent has left go, or become those of now
  if (watching) await watching;
  else rules.changed();
  await rules.settled();
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
