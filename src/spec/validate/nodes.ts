/** Nodes that do not go together, or not with the rest. */

import semver from 'semver';
import type { Problem } from '../../errors.ts';
import type { Path } from '../problems.ts';
import type { Config, NodeConfig } from '../schema.ts';
import { normalizePath } from '../values.ts';

type ValidConfig = Partial<Config>;
type NameOf = (path: Path) => string;

/** No control plane, two mounts in one place, two ports of the host that are one. */
export function nodeProblems(config: ValidConfig, nameOf: NameOf): Problem[] {
  const { nodes } = config;
  return [
    ...(nodes === undefined || nodes.some(isControlPlane)
      ? []
      : [{ path: nameOf(['nodes']), message: 'no control plane', hint: 'add "- role: control-plane"' }]),
    ...(nodes ?? []).flatMap((node, index) => sameMounts(node, (path) => nameOf(['nodes', index, ...path]))),
    ...sameHostPorts(config, nameOf),
  ];
}

/** What works and is probably not what was meant. */
export function nodeWarnings(config: ValidConfig, nameOf: NameOf): Problem[] {
  const { nodes = [] } = config;
  const count = nodes.filter(isControlPlane).length;
  const survives = Math.max(0, Math.ceil(count / 2) - 1);
  const even = {
    path: nameOf(['nodes']),
    message:
      count === 2
        ? '2 control planes survive the loss of neither: etcd needs more than half of its members, here both'
        : `${count} control planes survive the loss of ${survives}, no more than ${count - 1} do`,
    hint: `make it ${count - 1} or ${count + 1}`,
  };
  return [...(count > 0 && count % 2 === 0 ? [even] : []), ...versionWarnings(config, nameOf)];
}

function isControlPlane({ role }: NodeConfig): boolean {
  return role === 'control-plane';
}

function sameMounts({ extraMounts = [] }: NodeConfig, nameOf: NameOf): Problem[] {
  const targets = extraMounts.map(({ containerPath }) => normalizePath(containerPath));
  return targets.flatMap((target, index) => {
    const first = targets.indexOf(target);
    if (first === index) return [];
    const path = nameOf(['extraMounts', index, 'containerPath']);
    return [{ path, message: `${target} is where ${nameOf(['extraMounts', first])} is mounted already` }];
  });
}

interface HostPort {
  port: number;
  protocol: string;
  /** undefined: all addresses. */
  address: string | undefined;
  name: string;
}

function sameHostPorts({ nodes = [], network = {} }: ValidConfig, nameOf: NameOf): Problem[] {
  const { port, listenAddress } = network.apiServer ?? {};
  const ofApi: HostPort[] =
    port === undefined
      ? []
      : [
          {
            port,
            protocol: 'TCP',
            address: specific(listenAddress ?? '127.0.0.1'),
            name: nameOf(['network', 'apiServer', 'port']),
          },
        ];
  const ofNodes = nodes.flatMap(({ extraPortMappings = [] }, node) =>
    extraPortMappings.flatMap(({ hostPort, protocol = 'TCP', listenAddress: address }, index): HostPort[] =>
      hostPort === undefined
        ? []
        : [
            {
              port: hostPort,
              protocol,
              address: specific(address),
              name: nameOf(['nodes', node, 'extraPortMappings', index, 'hostPort']),
            },
          ],
    ),
  );
  const all = [...ofApi, ...ofNodes];
  return all.flatMap((one, index) => {
    const first = all.slice(0, index).find((other) => clash(one, other));
    if (!first) return [];
    const message = `port ${one.port} of the host is taken by ${first.name}`;
    return [{ path: one.name, message, hint: 'choose another port, or another listenAddress' }];
  });
}

function clash(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.address === undefined || b.address === undefined || a.address === b.address;
}

/** One address, or undefined for all of them. */
function specific(address: string | undefined): string | undefined {
  return address === '0.0.0.0' || address === '::' ? undefined : address;
}

/** https://kubernetes.io/releases/version-skew-policy: a kubelet must not be newer than the API server. */
function versionWarnings({ nodes = [], kubernetesVersion }: ValidConfig, nameOf: NameOf): Problem[] {
  const versions = nodes.map((node) => semver.parse(node.kubernetesVersion ?? kubernetesVersion));
  const [oldest] = versions
    .filter((_, index) => nodes[index]?.role === 'control-plane')
    .filter((version) => version !== null)
    .sort(semver.compare);
  if (!oldest) return [];
  return versions.flatMap((version, index) =>
    version && (version.major > oldest.major || version.minor > oldest.minor)
      ? [
          {
            path: nameOf(['nodes', index, 'kubernetesVersion']),
            message: `v${version.version} is newer than v${oldest.version} of a control plane; Kubernetes supports kubelets that are as old or older`,
          },
        ]
      : [],
  );
}
