/** What a cluster keeps for as long as it lives. */

import type { Problem } from '../../errors.ts';
import { inRange, parseRange } from '../../formats/address-range.ts';
import { parseCidr } from '../../formats/cidr.ts';
import { differs } from '../../formats/same-json.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { ClusterPlan } from '../types.ts';

const another =
  'leave it as it is, or make another cluster with it and move there (knest backup, knest restore)';

/**
 * Everything in a spec that a living cluster cannot become, each with its reason and with what can be done instead.
 * @param present the cluster's plan
 * @param before the spec of that plan
 * @param after what is wanted, with what it takes over from before
 */
export function unchangeableProblems(
  present: ClusterPlan,
  before: ClusterSpec,
  after: ClusterSpec,
): Problem[] {
  return [
    ...ofCluster(present, before, after),
    ...ofNetwork(present, before, after),
    ...ofNames(before, after),
    ...ofNodes(present, after),
  ];
}

function ofCluster({ manager, cluster }: ClusterPlan, before: ClusterSpec, after: ClusterSpec): Problem[] {
  return [
    ...(after.name === cluster
      ? []
      : [
          problem(
            'name',
            `is ${after.name}, and this is cluster ${cluster}`,
            'names are in certificates and machines',
          ),
        ]),
    ...(after.manager === 'auto' || after.manager === manager
      ? []
      : [
          problem(
            'manager',
            `is ${manager} for as long as the cluster lives`,
            'machines would have to change hands',
          ),
        ]),
    ...(before.metrics && !after.metrics
      ? [
          {
            path: 'metrics',
            message: 'cannot be taken away: the API server would go on asking for an API that nobody answers',
            hint: 'apply a metrics-server, which takes its place; or leave it true',
          },
        ]
      : []),
  ];
}

function ofNetwork({ network: present }: ClusterPlan, before: ClusterSpec, after: ClusterSpec): Problem[] {
  const [old, wanted] = [before.network, after.network];
  const connected = 'machines, certificates and pods have addresses of this network';
  const subnets = (['nodeSubnets', 'podSubnets', 'serviceSubnets'] as const).flatMap((kind) => {
    const given = wanted[kind];
    const same = given?.map((cidr) => parseCidr(cidr).text);
    if (same === undefined || !differs(same, present[kind])) return [];
    const key = `network.${kind.slice(0, -1)}`;
    return [problem(key, `is ${present[kind].join(',')} for as long as the cluster lives`, connected)];
  });
  const fields = (['mode', 'hostAddress', 'dhcp', 'ipFamily', 'gateway'] as const).flatMap((key) =>
    differs(old[key], wanted[key])
      ? [problem(`network.${key}`, `is ${said(old[key])} for as long as the cluster lives`, connected)]
      : [],
  );
  const cni = differs(old.cni, wanted.cni)
    ? [
        problem(
          'network.cni',
          `is ${old.cni} for as long as the cluster lives`,
          'pods keep the network that they were made with',
        ),
      ]
    : [];
  const address = differs(old.apiServer.address, wanted.apiServer.address)
    ? [
        problem(
          'network.apiServer.address',
          `is ${said(old.apiServer.address)} for as long as the cluster lives`,
          'it is in the certificates and kubeconfigs of everybody',
        ),
      ]
    : [];
  return [...subnets, ...fields, ...cni, ...address];
}

function ofNames({ dns: old }: ClusterSpec, { dns: wanted }: ClusterSpec): Problem[] {
  if (old.provider !== wanted.provider) {
    const why = 'what the old one left in the cluster would answer beside it';
    return [problem('dns.provider', `is ${old.provider} for as long as the cluster lives`, why)];
  }
  if (old.provider !== 'coredns' || !differs(old, wanted)) return [];
  return [
    {
      path: 'dns',
      message: 'CoreDNS was configured once, and its Corefile and Deployment are yours since then',
      hint: 'knest kubectl -- -n kube-system edit configmap coredns; leave it in the config as it was',
    },
  ];
}

function ofNodes({ machines, network }: ClusterPlan, after: ClusterSpec): Problem[] {
  const stays = machines.filter(({ name }) => after.nodes.some((node) => node.name === name));
  const roles = after.nodes.flatMap((node, index) => {
    const machine = machines.find(({ name }) => name === node.name);
    if (!machine || machine.role === node.role) return [];
    const hint = 'give the new node another name, or none: knest finds one';
    return [
      { path: `nodes[${index}].role`, message: `${node.name} is a ${machine.role}, and stays one`, hint },
    ];
  });
  const lost = stays.some(({ role }) => role === 'control-plane')
    ? []
    : [
        {
          path: 'nodes',
          message: 'none of the control planes that are there would stay, and etcd has its data in them',
          hint: 'add the new ones first, and take the old ones away with the next apply',
        },
      ];
  const ranges = after.network.loadBalancer.addresses ?? [];
  const taken = ranges.flatMap((range, index) => {
    const parsed = parseRange(range);
    const owner = stays.find(({ addresses }) => addresses.some(({ address }) => inRange(parsed, address)));
    if (!owner) return [];
    const message = `${range} has ${owner.address}, the address of ${owner.name}`;
    const hint = `choose addresses that no node has; nodes are in ${network.nodeSubnets.join(', ')}`;
    return [{ path: `network.loadBalancer.addresses[${index}]`, message, hint }];
  });
  return [...roles, ...lost, ...taken];
}

function problem(path: string, message: string, why: string): Problem {
  return { path, message: `${message}: ${why}`, hint: another };
}

function said(value: unknown): string {
  if (value === undefined) return 'not set';
  return typeof value === 'object' ? JSON.stringify(value) : `${value as string | boolean}`;
}
