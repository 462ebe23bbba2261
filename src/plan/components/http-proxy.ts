import { renderUnit } from '../../formats/systemd-unit.ts';
import { proxySecrets, secretMark } from '../../spec/secrets.ts';
import { nothing } from './component.ts';
import type { ClusterContext, Component } from './component.ts';
import { proxyFile } from './containerd.ts';

/**
 * Proxies for what pulls images, which is containerd alone. In a file of its own: a proxy's URL may have a password in
 * it, and units can be read by everybody.
 */
export const proxy: Component = (_machine, cluster) => {
  const { http, https } = cluster.spec.proxy ?? {};
  if (http === undefined && https === undefined) return nothing;
  const used = [
    ...(http === undefined ? [] : ['http' as const]),
    ...(https === undefined ? [] : ['https' as const]),
  ];
  const lines = [
    ...used.flatMap((scheme) => both(`${scheme}_proxy`, secretMark(proxySecrets[scheme]))),
    ...both('no_proxy', noProxy(cluster)),
  ];
  return {
    ...nothing,
    files: [
      {
        path: proxyFile,
        mode: 0o600,
        content: { text: lines.join(''), secrets: used.map((scheme) => proxySecrets[scheme]) },
      },
      {
        path: '/etc/systemd/system/containerd.service.d/10-proxy.conf',
        mode: 0o644,
        content: { text: renderUnit({ Service: { EnvironmentFile: proxyFile } }) },
      },
    ],
  };
};

/** Programs disagree about the case of these names. */
function both(name: string, value: string): string[] {
  return [name.toUpperCase(), name].map((one) => `${one}="${value}"\n`);
}

/** The user's, and what is of the cluster, as kind has it. */
function noProxy({ spec, nodeSubnets, podSubnets, serviceSubnets, machines }: ClusterContext): string {
  const registry = spec.registry?.address;
  const own = [
    'localhost',
    '127.0.0.1',
    '::1',
    ...nodeSubnets,
    ...podSubnets,
    ...serviceSubnets,
    '.svc',
    '.cluster.local',
    ...machines.map(({ name }) => name),
    ...(registry === undefined ? [] : [new URL(registry).hostname]),
  ];
  return [...new Set([...(spec.proxy?.noProxy ?? []), ...own])].join(',');
}
