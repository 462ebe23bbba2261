/**
 * kind's config file, kind.x-k8s.io/v1alpha4, as kind reads it (pkg/apis/config/v1alpha4/types.go). Values are checked
 * once they are in knest's words; here it is about keys and types.
 */

import * as z from 'zod';

export const kindApiVersion = 'kind.x-k8s.io/v1alpha4';

/** Go takes any scalar for text. */
const text = z
  .union([z.string(), z.number(), z.boolean()], { error: 'must be text' })
  .transform(String)
  .optional();
const flag = z.boolean().optional();
const whole = z.int().optional();

const extraMount = z.strictObject({
  hostPath: text,
  containerPath: text,
  readOnly: flag,
  selinuxRelabel: flag,
  propagation: text,
});

const extraPortMapping = z.strictObject({
  containerPort: whole,
  hostPort: whole,
  listenAddress: text,
  protocol: text,
});

const jsonPatch = z.strictObject({
  group: text,
  version: text,
  kind: text,
  /** Once needed to find the resource. */
  name: text,
  namespace: text,
  patch: text,
});

const mergePatches = z.array(z.string()).optional();
const jsonPatches = z.array(jsonPatch).optional();

const node = z.strictObject({
  role: text,
  image: text,
  labels: z.record(z.string(), text).optional(),
  extraMounts: z.array(extraMount).optional(),
  extraPortMappings: z.array(extraPortMapping).optional(),
  kubeadmConfigPatches: mergePatches,
  kubeadmConfigPatchesJSON6902: jsonPatches,
});

const networking = z.strictObject({
  ipFamily: text,
  apiServerPort: whole,
  apiServerAddress: text,
  podSubnet: text,
  serviceSubnet: text,
  disableDefaultCNI: flag,
  kubeProxyMode: text,
  dnsSearch: z.array(z.string()).optional(),
});

export const kindSchema = z.strictObject({
  kind: z.literal('Cluster'),
  apiVersion: z.literal(kindApiVersion),
  name: text,
  nodes: z.array(node).optional(),
  networking: networking.optional(),
  featureGates: z.record(z.string(), z.boolean()).optional(),
  runtimeConfig: z.record(z.string(), text).optional(),
  kubeadmConfigPatches: mergePatches,
  kubeadmConfigPatchesJSON6902: jsonPatches,
  containerdConfigPatches: mergePatches,
  containerdConfigPatchesJSON6902: mergePatches,
});

export type KindConfig = Partial<z.output<typeof kindSchema>>;
export type KindNode = NonNullable<KindConfig['nodes']>[number];
