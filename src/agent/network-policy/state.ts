/** What decides who may talk to whom, kept as the API server has it, and the rules that follow. Nothing here acts. */

import { keyOf } from '../../clients/kubernetes/objects.ts';
import type { EndpointsObject, KubernetesObject, PodObject } from '../../clients/kubernetes/objects.ts';
import type { Reducer } from '../kubernetes/watch-into.ts';
import type { Family } from './collections.ts';
import type { NetworkPolicyObject } from './objects.ts';
import { podStore } from './pods.ts';
import type { PodStore } from './pods.ts';
import { dnsEndpoints, policyRecord } from './records.ts';
import type { DnsEndpoint, PolicyRecord } from './records.ts';
import { rulesetOf } from './ruleset.ts';
import type { Ruleset } from './ruleset.ts';
import { viewOf } from './view.ts';

export interface PolicyState {
  /** NAMESPACE/NAME */
  policies: Map<string, PolicyRecord>;
  pods: PodStore;
  /** Labels by name. */
  namespaces: Map<string, Readonly<Record<string, string>>>;
  /** The cluster's DNS, wherever it runs. */
  dns: readonly DnsEndpoint[];
}

export function emptyState(): PolicyState {
  return { policies: new Map(), pods: podStore(), namespaces: new Map(), dns: [] };
}

/** The rules of a node; undefined: none at all, as there are no policies. */
export function rulesFor(
  { policies, pods, namespaces, dns }: PolicyState,
  node: string,
  families: readonly Family[],
): Ruleset | undefined {
  if (policies.size === 0) return undefined;
  const view = viewOf({ policies: [...policies.values()], pods: pods.all(), namespaces, dns });
  return rulesetOf(view, node, families);
}

export function policies({ policies: known }: PolicyState): Reducer<NetworkPolicyObject> {
  return {
    set: (policy) => {
      known.set(keyOf(policy), policyRecord(policy));
      return true;
    },
    delete: (policy) => known.delete(keyOf(policy)),
  };
}

export function pods({ pods: known }: PolicyState): Reducer<PodObject> {
  return {
    set: (pod) => known.set(pod),
    delete: (pod) => {
      known.delete(pod);
      return true;
    },
  };
}

export function namespaces({ namespaces: known }: PolicyState): Reducer<KubernetesObject> {
  return {
    set: ({ metadata }) => {
      known.set(metadata?.name ?? '', metadata?.labels ?? {});
      return true;
    },
    delete: ({ metadata }) => known.delete(metadata?.name ?? ''),
  };
}

/** Of the Service kube-dns. */
export function dns(state: PolicyState): Reducer<EndpointsObject> {
  return {
    set: (endpoints) => {
      state.dns = dnsEndpoints(endpoints);
      return true;
    },
    delete: () => {
      state.dns = [];
      return true;
    },
  };
}
