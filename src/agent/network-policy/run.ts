/**
 * NetworkPolicy: what pods of this node may reach, and what may reach them, as a table of nftables in the machine. In a
 * cluster without policies nobody watches its pods.
 */

import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { EndpointsObject, KubernetesObject, PodObject } from '../../clients/kubernetes/objects.ts';
import type { NetworkPolicyConfig } from '../config.ts';
import { watchInto } from '../kubernetes/watch-into.ts';
import { log } from '../log.ts';
import { hearOfPods } from './announce.ts';
import type { Announcement } from './announce.ts';
import { filterBridge } from './bridge-netfilter.ts';
import { keepRules } from './keep-rules.ts';
import { runNft } from './nft.ts';
import type { NetworkPolicyObject } from './objects.ts';
import { dns, emptyState, namespaces, pods, policies, rulesFor } from './state.ts';
import type { PolicyState } from './state.ts';
import { waitFor } from './wait-for.ts';

/** Milliseconds that a new pod waits for its rules at most: it must start, even if the API server is away. */
const patience = 2000;

/** Works for as long as the process lives. Returns when the policies that are there are enforced. */
export async function runNetworkPolicy(
  node: string,
  { families, socket }: NetworkPolicyConfig,
  api: KubernetesClient,
  nft = runNft,
): Promise<void> {
  const state = emptyState();
  /** Whether all policies are known, and everything else that they need. */
  let listed = false;
  let complete = false;
  const waiting = waitFor(patience);
  const rules = keepRules(() => rulesFor(state, node, families), nft);
  const changed = (): void => {
    // the rules of an incomplete cluster would forbid what is allowed
    if (complete) rules.changed();
    waiting.look();
  };
  /** A pod is about to start: its rules come first. */
  const welcome = async (pod: Announcement): Promise<void> => {
    await waiting.until(() => listed);
    if (state.policies.size === 0) return;
    state.pods.announce(pod);
    await waiting.until(() => complete && state.pods.find(pod) !== undefined);
    changed();
    await rules.settled();
  };
  /** From the first policy on; watching does not stop when the last one goes. */
  let enforcing: Promise<void> | undefined;
  const enforce = async (): Promise<void> => {
    await filterBridge(families);
    await watchPods(api, state, changed);
    complete = true;
    changed();
    log.info('network policies are enforced');
  };

  await hearOfPods(socket, welcome);
  const policiesChanged = (): void => {
    if (state.policies.size > 0) enforcing ??= enforce();
    changed();
  };
  const policiesPath = '/apis/networking.k8s.io/v1/networkpolicies';
  await watchInto<NetworkPolicyObject>(api, policiesPath, policies(state), policiesChanged);
  listed = true;
  changed();
  // rules that an earlier agent has left go, or become those of now
  if (enforcing) await enforcing;
  else rules.changed();
  await rules.settled();
}

/** Everything besides the policies that decides who may talk to whom. Returns when it is complete. */
async function watchPods(api: KubernetesClient, state: PolicyState, changed: () => void): Promise<void> {
  // pods that have ended have no addresses
  const running = { fields: 'status.phase!=Succeeded,status.phase!=Failed' };
  const dnsPath = '/api/v1/namespaces/kube-system/endpoints';
  const ofDns = { fields: 'metadata.name=kube-dns' };
  await Promise.all([
    watchInto<PodObject>(api, '/api/v1/pods', pods(state), changed, running),
    watchInto<KubernetesObject>(api, '/api/v1/namespaces', namespaces(state), changed),
    watchInto<EndpointsObject>(api, dnsPath, dns(state), changed, ofDns),
  ]);
}
