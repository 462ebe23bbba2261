/** The complete spec of a cluster -> a config that says it: what reading a config does, backwards. */

import { stringify } from 'smol-toml';

import { withoutUndefined } from './check.ts';
import { machineNames } from './node-names.ts';
import { apiVersion, configKind } from './schema.ts';
import type { Config, NodeConfig } from './schema.ts';
import type { ClusterSpec, ComponentSettings, ComponentsSpec, Taint } from './types.ts';
import { componentNames, defaults, ingressPackage } from './words.ts';

export interface ConfigOfOptions {
  /** Defaults as well. */
  full?: boolean;
  /** What kubeadm's taints of control planes are for this cluster. */
  controlPlaneTaints: readonly Taint[];
}

/** Read as a config file, it gives the spec again. */
export function configOf(spec: ClusterSpec, { full = false, controlPlaneTaints }: ConfigOfOptions): Config {
  /** Left out where it is the default anyway. */
  const unless = <T>(value: T, usual: T): T | undefined => (full || !same(value, usual) ? value : undefined);
  const { kubernetes, image, dns, audit, registry } = spec;
  return compact({
    apiVersion,
    kind: configKind,
    name: spec.name,
    kubernetesVersion: kubernetes.version,
    source: unless(sourceText(kubernetes.source), defaults.source),
    releaseMirror: kubernetes.releaseMirror,
    componentMirror: spec.components.mirror,
    suite: unless(image.suite, defaults.suite),
    mirror: image.mirror,
    image: emptyIsNone(compact({ packages: packagesOf(spec) })),
    manager: unless(spec.manager, defaults.manager),
    rootPassword: spec.rootPassword,
    featureGates: unless({ ...kubernetes.featureGates }, {}),
    runtimeConfig: unless({ ...kubernetes.runtimeConfig }, {}),
    network: networkOf(spec, unless),
    dns: emptyIsNone(
      compact({
        provider: unless(dns.provider, 'knest'),
        image: dns.image,
        // not for every provider
        stubDomains: emptyIsNone(lists(dns.stubDomains)),
        hosts: emptyIsNone(lists(dns.hosts)),
        upstream: dns.upstream && [...dns.upstream],
      }),
    ),
    metrics: unless(spec.metrics, true),
    ingress: unless(spec.ingress ?? false, false),
    audit: audit && (compact({ ...audit }) as Config['audit']),
    podSecurity: spec.podSecurity as Config['podSecurity'],
    runtimes: spec.runtimes?.map((one) => ({ ...one })),
    registry: registry && compact({ address: registry.address, port: registry.port }),
    registries: spec.registries?.map(({ mirrors, skipVerify, ...one }) =>
      compact({
        ...one,
        mirrors: unless([...mirrors], []),
        skipVerify: unless(skipVerify, false),
      }),
    ),
    proxy: spec.proxy && compact({ ...spec.proxy, noProxy: unless([...spec.proxy.noProxy], []) }),
    images: spec.images?.map(({ file }) => file),
    manifests:
      spec.manifests && spec.manifests.length > 0 ? spec.manifests.map(({ from }) => from) : undefined,
    components: emptyIsNone(componentsOf(spec.components, unless)),
    nodes: nodesOf(spec, unless, controlPlaneTaints),
  });
}

type Unless = <T>(value: T, usual: T) => T | undefined;

function networkOf({ network }: ClusterSpec, unless: Unless): Config['network'] {
  const { mode, apiServer, loadBalancer } = network;
  const join = (subnets: readonly string[] | undefined): string | undefined => subnets?.join(',');
  return emptyIsNone(
    compact({
      mode: unless(typeof mode === 'string' ? mode : `macvlan:${mode.macvlan}`, defaults.network),
      hostAddress: network.hostAddress,
      dhcp: unless(network.dhcp, false),
      gateway: network.gateway,
      ipFamily: unless(network.ipFamily, defaults.ipFamily),
      nodeSubnet: join(network.nodeSubnets),
      podSubnet: join(network.podSubnets),
      serviceSubnet: join(network.serviceSubnets),
      cni: unless(network.cni, defaults.cni),
      networkPolicy: unless(network.networkPolicy, network.cni !== 'none'),
      proxyMode: unless(network.proxyMode, defaults.proxyMode),
      loadBalancer: loadBalancer.addresses && { addresses: [...loadBalancer.addresses] },
      dnsSearch: network.dnsSearch && [...network.dnsSearch],
      apiServer: emptyIsNone(
        compact({
          address: apiServer.address,
          listenAddress: apiServer.listenAddress,
          port: apiServer.port,
          certSANs: unless([...apiServer.certSANs], []),
        }),
      ),
    }),
  );
}

function componentsOf(components: ComponentsSpec, unless: Unless): NonNullable<Config['components']> {
  const settings = ({ extraArgs, extraVolumes }: ComponentSettings) =>
    compact({
      extraArgs: unless({ ...extraArgs }, {}),
      extraVolumes: unless(
        extraVolumes.map(({ create, readOnly, ...volume }) =>
          compact({ ...volume, readOnly: unless(readOnly, false), create: unless(create, 'none') }),
        ),
        [],
      ),
    });
  const configured = ({ extraArgs, config }: ComponentsSpec['kubelet']) =>
    compact({ extraArgs: unless({ ...extraArgs }, {}), config: unless({ ...config }, {}) });
  const origins = Object.fromEntries(
    componentNames.map((name) => {
      const origin = components.sources?.[name];
      return [name, origin ? compact({ source: sourceText(origin.source), version: origin.version }) : {}];
    }),
  );
  const { configPatches } = components.containerd;
  const patches = configPatches.map((patch) => stringify(patch));
  const all = {
    etcd: { ...settings(components.etcd), ...origins['etcd'] },
    kubeApiserver: settings(components.kubeApiserver),
    kubeControllerManager: settings(components.kubeControllerManager),
    kubeScheduler: settings(components.kubeScheduler),
    kubelet: configured(components.kubelet),
    kubeProxy: configured(components.kubeProxy),
    containerd: compact({ configPatches: unless(patches, []), ...origins['containerd'] }),
    runc: origins['runc'],
    cniPlugins: origins['cniPlugins'],
  };
  return compact(
    Object.fromEntries(Object.entries(all).map(([name, value]) => [name, emptyIsNone(value ?? {})])),
  );
}

function nodesOf(spec: ClusterSpec, unless: Unless, controlPlaneTaints: readonly Taint[]): NodeConfig[] {
  const names = machineNames(
    spec.name,
    spec.nodes.map(({ role }) => ({ role })),
  );
  const tainted = spec.nodes.some(({ role }) => role === 'worker');
  return spec.nodes.map((node, index) => {
    const usual = node.role === 'control-plane' && tainted ? 'control-plane' : [];
    const taints = node.taints === 'control-plane' ? controlPlaneTaints : node.taints;
    const { resources } = node;
    return compact({
      name: node.name === names[index] ? undefined : node.name,
      role: node.role,
      labels: unless({ ...node.labels }, {}),
      taints: same(node.taints, usual)
        ? undefined
        : taints.map(({ key, value, effect }) => compact({ key, value: unless(value, ''), effect })),
      suite: node.suite,
      kubernetesVersion: node.kubernetes?.version,
      source: node.kubernetes && sourceText(node.kubernetes.source),
      resources: emptyIsNone(compact({ ...resources })),
      extraMounts: unless(
        node.extraMounts.map(({ readOnly, propagation, ...mount }) =>
          compact({
            ...mount,
            readOnly: unless(readOnly, false),
            propagation: unless(propagation, 'None'),
          }),
        ),
        [],
      ),
      devices: node.devices && [...node.devices],
      cdi: node.cdi,
      extraPortMappings: unless(
        node.extraPortMappings.map(({ protocol, ...mapping }) =>
          compact({ ...mapping, protocol: unless(protocol, 'TCP') }),
        ),
        [],
      ),
      kubelet: emptyIsNone(
        compact({
          extraArgs: unless({ ...node.kubelet.extraArgs }, {}),
          config: unless({ ...node.kubelet.config }, {}),
        }),
      ),
    });
  });
}

/** Those of the user; the one that serves Ingresses comes with them. */
function packagesOf({ image, ingress }: ClusterSpec): string[] | undefined {
  const own = (image.packages ?? []).filter((name) => !(ingress && name === ingressPackage));
  return own.length === 0 ? undefined : own;
}

function sourceText(source: string | { directory: string }): string {
  return typeof source === 'string' ? source : source.directory;
}

function lists(byName: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(byName).map(([name, list]) => [name, [...list]]));
}

function compact<T extends object>(value: T): T {
  return withoutUndefined(value) as T;
}

function emptyIsNone<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
