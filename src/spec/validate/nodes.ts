/** Checks that the nodes of a config fit together, and with the rest of it. */

import type { Problem } from '../../errors.ts';
import type { At, Path } from '../problems.ts';
import type { Config, NodeConfig } from '../schema.ts';
import { normalizePath } from '../values.ts';
import { defaults, mostNodes } from '../words.ts';

type ValidConfig = Partial<Config>;

/** No control plane, too many nodes, two mounts in one place, two ports of the host that are one. */
export function nodeProblems(config: ValidConfig, at: At): Problem[] {
  const { nodes } = config;
  return [
    ...(nodes === undefined || nodes.some(isControlPlane)
      ? []
      : [{ ...at(['nodes']), message: 'no control plane', hint: 'add "- role: control-plane"' }]),
    ...(nodes !== undefined && nodes.length > mostNodes
      ? [{ ...at(['nodes']), message: `lists ${nodes.length} nodes; a cluster can have ${mostNodes}` }]
      : []),
    ...(nodes ?? []).flatMap((node, index) => sameMounts(node, (path) => at(['nodes', index, ...path]))),
    ...nodeNameProblems(config, at),
    ...sameHostPorts(config, at),
    ...sameRuntimes(config, at),
  ];
}

/** Machines of all clusters are side by side on a host: their names begin with that of the cluster. */
function nodeNameProblems({ name: cluster = defaults.name, nodes = [] }: ValidConfig, at: At): Problem[] {
  const names = nodes.map(({ name }) => name);
  return names.flatMap((name, index) => {
    if (name === undefined) return [];
    const place = at(['nodes', index, 'name']);
    if (!name.startsWith(`${cluster}-`)) {
      const message = `"${name}" does not begin with the name of the cluster`;
      return [{ ...place, message, hint: `${cluster}-${name}` }];
    }
    const first = names.indexOf(name);
    return first === index
      ? []
      : [{ ...place, message: `${at(['nodes', first]).path} is called ${name}, too` }];
  });
}

/** Warnings: settings that work, but are probably not what the user meant. */
export function nodeWarnings(config: ValidConfig, at: At): Problem[] {
  const { nodes = [] } = config;
  const count = nodes.filter(isControlPlane).length;
  const survives = Math.max(0, Math.ceil(count / 2) - 1);
  const even = {
    ...at(['nodes']),
    message:
      count === 2
        ? '2 control planes survive the loss of neither: etcd needs more than half of its members, here both'
        : `${count} control planes survive the loss of ${survives}, no more than ${count - 1} do`,
    hint: `make it ${count - 1} or ${count + 1}`,
  };
  return count > 0 && count % 2 === 0 ? [even] : [];
}

function isControlPlane({ role }: NodeConfig): boolean {
  return role === 'control-plane';
}

function sameMounts({ extraMounts = [] }: NodeConfig, at: At): Problem[] {
  const firsts = new Map<string, number>();
  return extraMounts.flatMap(({ containerPath }, index) => {
    const target = normalizePath(containerPath);
    const first = firsts.get(target);
    if (first === undefined) {
      firsts.set(target, index);
      return [];
    }
    const message = `${target} is where ${at(['extraMounts', first]).path} is mounted already`;
    return [{ ...at(['extraMounts', index, 'containerPath']), message }];
  });
}

/** Handlers of containerd: runc's own name is taken. */
function sameRuntimes({ runtimes = [] }: ValidConfig, at: At): Problem[] {
  const firsts = new Map<string, string>([['runc', 'what every node has']]);
  return runtimes.flatMap(({ name }, index) => {
    const first = firsts.get(name);
    if (first !== undefined)
      return [{ ...at(['runtimes', index, 'name']), message: `${name} is the name of ${first} already` }];
    firsts.set(name, at(['runtimes', index]).path);
    return [];
  });
}

interface HostPort {
  port: number;
  protocol: string;
  /** undefined: all addresses. */
  address: string | undefined;
  path: Path;
}

function sameHostPorts({ nodes = [], network = {} }: ValidConfig, at: At): Problem[] {
  const { port, listenAddress } = network.apiServer ?? {};
  const address = specific(listenAddress ?? '127.0.0.1');
  const ofApi: HostPort[] =
    port === undefined ? [] : [{ port, protocol: 'TCP', address, path: ['network', 'apiServer', 'port'] }];
  const ofNodes = nodes.flatMap(({ extraPortMappings = [] }, node) =>
    extraPortMappings.flatMap((mapping, index): HostPort[] => {
      const { hostPort, protocol = 'TCP' } = mapping;
      const path = ['nodes', node, 'extraPortMappings', index, 'hostPort'];
      return hostPort === undefined
        ? []
        : [{ port: hostPort, protocol, address: specific(mapping.listenAddress), path }];
    }),
  );
  const all = [...ofApi, ...ofNodes];
  const taken = new Map<string, number>();
  return all.flatMap((one, index) => {
    const first = all[firstClash(one, index, taken) ?? index];
    if (first === undefined || first === one) return [];
    const message = `port ${one.port} of the host is taken by ${at(first.path).path}`;
    return [{ ...at(one.path), message, hint: 'choose another port, or another listenAddress' }];
  });
}

/**
 * Which one was the first that has what this one wants; notes this one.
 * @param taken the first one of each protocol, port and address; "any": with whatever address; "all": with all of them
 */
function firstClash(
  { protocol, port, address }: HostPort,
  index: number,
  taken: Map<string, number>,
): number | undefined {
  const keyOf = (of: string) => `${protocol} ${port} ${of}`;
  const others = (address === undefined ? ['any'] : [address, 'all']).flatMap(
    (of) => taken.get(keyOf(of)) ?? [],
  );
  for (const key of [keyOf('any'), keyOf(address ?? 'all')]) if (!taken.has(key)) taken.set(key, index);
  return others.length === 0 ? undefined : Math.min(...others);
}

/** One address, or undefined for all of them. */
function specific(address: string | undefined): string | undefined {
  return address === '0.0.0.0' || address === '::' ? undefined : address;
}
