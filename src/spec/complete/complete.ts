/** A valid config -> the complete spec: defaults filled in, values in one form. */

import { componentNames, componentSources, defaults, ingressPackage, sources } from '../words.ts';
import { completeImages } from './images.ts';
import { containerdPatch } from '../containerd-patches.ts';
import { completeAudit, completePodSecurity } from './api-server.ts';
import { completeCertificates } from './certificates.ts';
import { completeDns } from './dns.ts';
import { ipFamilyOf } from '../validate/networks.ts';
import { machineNames } from '../node-names.ts';
import { rootPasswordHash } from '../root-password.ts';
import type { Config, NodeConfig } from '../schema.ts';
import { subnetList } from '../subnets.ts';
import type {
  ClusterSpec,
  ComponentOrigin,
  ComponentSettings,
  ComponentsSpec,
  KubernetesSource,
  NetworkSpec,
  NodeSpec,
} from '../types.ts';
import { normalizeVersion } from '../kubernetes-version.ts';
import { normalizePath, normalizeUrl, parseBytes } from '../values.ts';

type ValidConfig = Partial<Config>;
type Settings = NonNullable<NonNullable<Config['components']>['etcd']>;

const oneControlPlane: readonly NodeConfig[] = [{ role: 'control-plane' }];

export function complete(config: ValidConfig): ClusterSpec {
  const name = config.name ?? defaults.name;
  return {
    name,
    kubernetes: {
      version: optional(config.kubernetesVersion, normalizeVersion),
      source: sourceOf(config.source ?? defaults.source),
      releaseMirror: optional(config.releaseMirror, normalizeUrl),
      featureGates: config.featureGates ?? {},
      runtimeConfig: config.runtimeConfig ?? {},
    },
    image: {
      suite: config.suite ?? defaults.suite,
      mirror: optional(config.mirror, normalizeUrl),
      ...completePackages(config),
    },
    manager: config.manager ?? defaults.manager,
    rootPassword: optional(config.rootPassword, rootPasswordHash),
    network: completeNetwork(config),
    dns: completeDns(config),
    metrics: config.metrics ?? true,
    ...(config.ingress ? { ingress: true } : {}),
    ...(config.backup ? { backup: { ...config.backup, keep: config.backup.keep ?? 10 } } : {}),
    audit: completeAudit(config),
    podSecurity: completePodSecurity(config),
    certificates: completeCertificates(config),
    components: completeComponents(config),
    ...(config.runtimes
      ? { runtimes: config.runtimes.map(({ name, path }) => ({ name, path: normalizePath(path) })) }
      : {}),
    ...completeImages(config),
    nodes: completeNodes(name, config),
  };
}

/** Besides those that every node has: the user's, and the one that serves Ingresses, which few clusters need. */
function completePackages({ image = {}, ingress = false }: ValidConfig): { packages?: readonly string[] } {
  if (!image.packages && !ingress) return {};
  return { packages: [...new Set([...(image.packages ?? []), ...(ingress ? [ingressPackage] : [])])].sort() };
}

function completeNetwork(config: ValidConfig): NetworkSpec {
  const { network = {} } = config;
  const ipFamily = ipFamilyOf(config);
  const { address, listenAddress, port, certSANs = [] } = network.apiServer ?? {};
  const loopback = ipFamily === 'ipv6' ? '::1' : '127.0.0.1';
  return {
    mode: modeOf(network.mode),
    hostAddress: network.hostAddress,
    dhcp: network.dhcp ?? false,
    gateway: network.gateway,
    ipFamily,
    nodeSubnets: optional(network.nodeSubnet, subnetList),
    podSubnets: optional(network.podSubnet, subnetList),
    serviceSubnets: optional(network.serviceSubnet, subnetList),
    cni: network.cni ?? defaults.cni,
    networkPolicy: network.networkPolicy ?? network.cni !== 'none',
    proxyMode: network.proxyMode ?? defaults.proxyMode,
    loadBalancer: { addresses: network.loadBalancer?.addresses },
    dnsSearch: network.dnsSearch,
    apiServer: {
      address,
      listenAddress: listenAddress ?? (port === undefined ? undefined : loopback),
      port,
      certSANs,
    },
  };
}

function modeOf(mode: string = defaults.network): NetworkSpec['mode'] {
  if (mode.startsWith('macvlan:')) return { macvlan: mode.slice('macvlan:'.length) };
  return mode === 'host' ? 'host' : 'bridge';
}

function completeComponents({ components = {}, componentMirror }: ValidConfig): ComponentsSpec {
  const { kubelet, kubeProxy, containerd } = components;
  const origins = componentNames.flatMap((name): [string, ComponentOrigin][] => {
    const { source, version } = components[name] ?? {};
    if (source === undefined && version === undefined) return [];
    return [[name, { source: componentSourceOf(source ?? 'auto'), version: version?.replace(/^v/, '') }]];
  });
  return {
    etcd: completeSettings(components.etcd),
    kubeApiserver: completeSettings(components.kubeApiserver),
    kubeControllerManager: completeSettings(components.kubeControllerManager),
    kubeScheduler: completeSettings(components.kubeScheduler),
    kubelet: { extraArgs: kubelet?.extraArgs ?? {}, config: kubelet?.config ?? {} },
    kubeProxy: { extraArgs: kubeProxy?.extraArgs ?? {}, config: kubeProxy?.config ?? {} },
    containerd: { configPatches: (containerd?.configPatches ?? []).map(containerdPatch) },
    ...(origins.length === 0 ? {} : { sources: Object.fromEntries(origins) }),
    ...(componentMirror === undefined ? {} : { mirror: normalizeUrl(componentMirror) }),
  };
}

function componentSourceOf(source: string): ComponentOrigin['source'] {
  return componentSources.find((word) => word === source) ?? { directory: source };
}

function completeSettings({ extraArgs = {}, extraVolumes = [] }: Settings = {}): ComponentSettings {
  return {
    extraArgs,
    extraVolumes: extraVolumes.map(({ hostPath, mountPath, readOnly = false, create = 'none' }) => ({
      hostPath: normalizePath(hostPath),
      mountPath: normalizePath(mountPath),
      readOnly,
      create,
    })),
  };
}

function completeNodes(cluster: string, config: ValidConfig): NodeSpec[] {
  const { nodes = oneControlPlane } = config;
  const names = machineNames(cluster, nodes);
  // with nobody else to run pods, control planes do
  const tainted = nodes.some(({ role }) => role === 'worker');
  return nodes.map((node, index) => ({
    name: names[index] ?? '',
    role: node.role,
    labels: node.labels ?? {},
    taints:
      node.taints?.map(({ key, value = '', effect }) => ({ key, value, effect })) ??
      (node.role === 'control-plane' && tainted ? 'control-plane' : []),
    suite: node.suite,
    kubernetes: kubernetesOf(node, config),
    resources: {
      cpus: node.resources?.cpus,
      memory: optional(node.resources?.memory, parseBytes),
      tasks: node.resources?.tasks,
      ioWeight: node.resources?.ioWeight,
    },
    extraMounts: (node.extraMounts ?? []).map(
      ({ hostPath, containerPath, readOnly = false, propagation = 'None', type }) => ({
        hostPath: normalizePath(hostPath),
        containerPath: normalizePath(containerPath),
        readOnly,
        propagation,
        ...(type === undefined ? {} : { type }),
      }),
    ),
    ...(node.devices ? { devices: [...new Set(node.devices.map(normalizePath))] } : {}),
    ...(node.cdi ? { cdi: true } : {}),
    extraPortMappings: (node.extraPortMappings ?? []).map(
      ({ containerPort, hostPort, listenAddress, protocol = 'TCP' }) => ({
        containerPort,
        hostPort,
        listenAddress,
        protocol,
      }),
    ),
    kubelet: { extraArgs: node.kubelet?.extraArgs ?? {}, config: node.kubelet?.config ?? {} },
  }));
}

/** A node's own Kubernetes. The version of a directory is what is in it, not what the cluster asks for. */
function kubernetesOf(node: NodeConfig, cluster: ValidConfig): NodeSpec['kubernetes'] {
  if (node.kubernetesVersion === undefined && node.source === undefined) return undefined;
  const source = sourceOf(node.source ?? cluster.source ?? defaults.source);
  const ofDirectory = node.source !== undefined && typeof source === 'object';
  const version = node.kubernetesVersion ?? (ofDirectory ? undefined : cluster.kubernetesVersion);
  return { version: optional(version, normalizeVersion), source };
}

function sourceOf(source: string): KubernetesSource {
  return sources.find((word) => word === source) ?? { directory: source };
}

function optional<T, R>(value: T | undefined, transform: (value: T) => R): R | undefined {
  return value === undefined ? undefined : transform(value);
}
