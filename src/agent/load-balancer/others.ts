/**
 * How a Service shows that another controller gives it its addresses. Several may run in one cluster (MetalLB, kube-vip,
 * Cilium, k3s' servicelb, a cloud's), most take every Service without a class, and some put their own address in place of
 * any other: two that insist would write for ever. So knest never does: who came first stays.
 */

import type { ServiceObject } from '../../clients/kubernetes/objects.ts';
import { balancerName, ownClass } from './names.ts';

/**
 * Prefixes of annotations by which users, or the controllers themselves, mark Services. Not those of clouds
 * (service.beta.kubernetes.io/...): manifests that are made for one are tried on local clusters all the time.
 */
const annotations: Readonly<Record<string, string>> = {
  'metallb.io/': 'MetalLB',
  'metallb.universe.tf/': 'MetalLB',
  'kube-vip.io/': 'kube-vip',
  'lbipam.cilium.io/': 'Cilium',
  'io.cilium/lb-ipam': 'Cilium',
  'purelb.io/': 'PureLB',
  'lb.kubesphere.io/': 'OpenELB',
  'loxilb.io/': 'LoxiLB',
};

const finalizers: Readonly<Record<string, string>> = {
  // k8s.io/cloud-provider, and so cloud-provider-kind, kube-vip's and all clouds'
  'service.kubernetes.io/load-balancer-cleanup': 'a cloud controller',
  'svccontroller.k3s.cattle.io/daemonset': "k3s' servicelb",
};

/** Why a Service that has no address yet is left to somebody else; undefined: it is not. */
export function foreignSign({ metadata, spec }: ServiceObject): string | undefined {
  if (spec?.loadBalancerClass !== undefined) return undefined;
  for (const key of Object.keys(metadata?.annotations ?? {})) {
    const prefix = Object.keys(annotations).find((one) => key.startsWith(one));
    if (prefix !== undefined) return `its annotation ${key} is for ${annotations[prefix] ?? ''}`;
  }
  for (const key of metadata?.finalizers ?? []) {
    if (finalizers[key] !== undefined) return `its finalizer ${key} is that of ${finalizers[key]}`;
  }
  return undefined;
}

/**
 * Whose a Service is already: it has another class, or what its status has is not ours. An address of the pool may be set
 * by somebody else, too, as users give MetalLB a part of the same subnet; the API server knows who it was.
 */
export function foreignOwner(
  { metadata, spec, status }: ServiceObject,
  inPool: (address: string) => boolean,
): string | undefined {
  const { loadBalancerClass = ownClass } = spec ?? {};
  if (loadBalancerClass !== ownClass) return `its class is ${loadBalancerClass}`;
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (ingress.length === 0) return undefined;
  const foreign = ingress.find(({ ip }) => ip === undefined || !inPool(ip));
  if (foreign) return `its status has ${foreign.ip ?? foreign.hostname ?? 'no address'}`;
  const managers = (metadata?.managedFields ?? [])
    .filter(({ fieldsV1 }) => setsAddress(fieldsV1))
    .map(({ manager }) => manager ?? '');
  return managers.length === 0 || managers.some((manager) => ours.includes(manager))
    ? undefined
    : `its address was set by ${managers.join(', ')}`;
}

/** "unknown" is who says no name, as knest-agent did before it said this one. */
const ours = [balancerName, 'unknown'];

/** @param fields {"f:status":{"f:loadBalancer":{"f:ingress":{}}}} */
function setsAddress(fields: unknown): boolean {
  return ['f:status', 'f:loadBalancer', 'f:ingress'].reduce<unknown>(child, fields) !== undefined;
}

function child(fields: unknown, name: string): unknown {
  return typeof fields === 'object' && fields !== null
    ? (fields as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
