import { stringify } from 'yaml';

import { urlHost } from '../../formats/cidr.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { Manifest } from '../manifests/knest-agent.ts';
import type { PlannedBind } from '../types.ts';
import type { ClusterContext, Component } from './component.ts';
import { afterApiServer, k8sTarget, nothing, restartAlways } from './component.ts';

/** Port of the control planes. */
export const registryPort = 5000;

const configFile = '/etc/kubernetes/registry.yaml';
const dataFolder = '/var/lib/knest-registry';

/** Whether the cluster runs a registry, rather than using one of the user's or none. */
export function runsRegistry({ registry }: Pick<ClusterSpec, 'registry'>): boolean {
  return registry !== undefined && registry.address === undefined;
}

/**
 * The cluster's registry: Debian's docker-registry on every control plane, all with the same folder of the host. It is
 * reached at the address of the API, so it goes on when a control plane is lost. No cache: each would have its own, and
 * know of blobs that another one has deleted.
 */
export const localRegistry: Component = ({ role }, cluster) => {
  const { spec } = cluster;
  if (role === 'worker' || !runsRegistry(spec)) return nothing;
  const port = isShared(spec) ? spec.registry?.port : registryPort;
  return {
    ...nothing,
    files: [
      {
        path: configFile,
        mode: 0o644,
        content: { text: configuration(isShared(spec) ? `127.0.0.1:${port}` : `:${port}`) },
      },
    ],
    units: [
      {
        name: 'knest-registry.service',
        wantedBy: k8sTarget,
        text: renderUnit({
          Unit: {
            Description: 'Registry of the cluster',
            Documentation: 'https://distribution.github.io/distribution/',
            ...afterApiServer,
          },
          Service: { ExecStart: `/usr/bin/docker-registry serve ${configFile}`, ...restartAlways },
        }),
      },
    ],
    probes: [
      {
        says: 'the registry answers',
        unit: 'knest-registry.service',
        argv: ['curl', '-fsS', '--noproxy', '*', `http://127.0.0.1:${port}/v2/`],
      },
    ],
  };
};

/** distribution/distribution 2.8, docs/configuration.md */
function configuration(address: string): string {
  return stringify({
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: dataFolder }, delete: { enabled: true } },
    http: { addr: address },
  });
}

/** A node that shares the network of its host is on the host's loopback itself, and keeps the registry there. */
function isShared({ network }: Pick<ClusterSpec, 'network'>): boolean {
  return network.mode === 'host';
}

/** The registry's data, of the cluster and not of a machine; gone with the cluster. */
export function registryBind(clusterFolder: string): PlannedBind {
  return { source: `${clusterFolder}/registry`, target: dataFolder };
}

/** Where nodes and pods reach it. */
function registryUrl({ spec, apiAddress }: Pick<ClusterContext, 'spec' | 'apiAddress'>): string | undefined {
  if (spec.registry === undefined) return undefined;
  if (runsRegistry(spec) && isShared(spec)) return `http://127.0.0.1:${spec.registry.port}`;
  return spec.registry.address ?? `http://${urlHost(apiAddress)}:${registryPort}`;
}

/** Names of the registry in names of images, and where it is. */
export function registryNames(
  cluster: Pick<ClusterContext, 'spec' | 'apiAddress'>,
): { hosts: string[]; url: string } | undefined {
  const url = registryUrl(cluster);
  if (url === undefined) return undefined;
  const port = cluster.spec.registry?.port;
  // who pushes to 127.0.0.1:5000 finds the image under that name as well
  const local = port === undefined ? [] : [`localhost:${port}`, `127.0.0.1:${port}`];
  return { hosts: [...new Set([...local, new URL(url).host])], url };
}

/**
 * What Tilt, Skaffold and others look for (kubernetes/enhancements, KEP-1755).
 * @param host the registry as it is reached from the host
 */
export function registryHosting(
  cluster: Pick<ClusterContext, 'spec' | 'apiAddress' | 'registryHost'>,
): Manifest[] {
  const url = registryUrl(cluster);
  if (url === undefined || cluster.registryHost === undefined) return [];
  const hosting = {
    host: cluster.registryHost,
    // a pod has a loopback of its own
    ...(runsRegistry(cluster.spec) && isShared(cluster.spec)
      ? {}
      : { hostFromClusterNetwork: new URL(url).host }),
    help: 'https://github.com/kubernetes/enhancements/tree/master/keps/sig-cluster-lifecycle/generic/1755-communicating-a-local-registry',
  };
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'local-registry-hosting', namespace: 'kube-public' },
      data: { 'localRegistryHosting.v1': stringify(hosting, { lineWidth: 0 }) },
    },
  ];
}
