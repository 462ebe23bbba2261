/** The flags that say what a cluster is, in the words of the config file. */

import type { Problem } from '../errors.ts';
import { dashed } from '../formats/dashed.ts';
import { withoutUndefined } from './check.ts';
import { componentVersionPattern } from './values.ts';
import type { Path } from './problems.ts';
import { apiVersion, configKind, type NodeConfig } from './schema.ts';
import { componentNames, mostNodes } from './words.ts';

/** What can be said on the command line; the same words as in the config file. */
export interface SpecFlags {
  name?: string;
  kubernetesVersion?: string;
  /** An image of kind's: stands for the version in its tag. */
  nodeImage?: string;
  source?: string;
  releaseMirror?: string;
  /** Of each of these: suite, release, a version, or the absolute path of a directory. */
  containerd?: string;
  runc?: string;
  cniPlugins?: string;
  etcd?: string;
  componentMirror?: string;
  suite?: string;
  mirror?: string;
  manager?: string;
  network?: string;
  dhcp?: boolean;
  gateway?: string;
  ipFamily?: string;
  proxyMode?: string;
  nodeSubnet?: string;
  podSubnet?: string;
  serviceSubnet?: string;
  /** Only false can be said: --no-metrics. */
  metrics?: boolean;
  /** Only true can be said. */
  ingress?: boolean;
  /** "off", or ranges with commas in between. */
  loadBalancer?: string;
  /** Archives of images, by absolute path. */
  images?: readonly string[];
  /** Files and folders by absolute path, and URLs; besides those of the config file. */
  manifests?: readonly string[];
  /** All nodes together. */
  nodes?: string;
  /** How many of them are control planes. */
  controlPlanes?: string;
}

/** The flags as a config file would say them; the numbers of nodes are read by nodesOfFlags. */
export function configOfFlags(flags: SpecFlags): unknown {
  const { name, kubernetesVersion, source, releaseMirror, suite, mirror, manager, images } = flags;
  const { componentMirror, metrics, ingress, manifests } = flags;
  const { network: mode, dhcp, gateway, ipFamily, proxyMode, nodeSubnet, podSubnet, serviceSubnet } = flags;
  return {
    apiVersion,
    kind: configKind,
    ...withoutUndefined({ name, kubernetesVersion, source, releaseMirror, suite, mirror, manager, images }),
    ...withoutUndefined({ componentMirror, metrics, ingress, manifests }),
    components: componentsOfFlags(flags),
    network: withoutUndefined({
      ...{ mode, dhcp, gateway, ipFamily, proxyMode },
      ...{ nodeSubnet, podSubnet, serviceSubnet, loadBalancer: poolOf(flags.loadBalancer) },
    }),
  };
}

/** One flag for each says where it comes from, or which release it is. */
function componentsOfFlags(flags: SpecFlags): Record<string, { source?: string; version?: string }> {
  return Object.fromEntries(
    componentNames.flatMap((name) => {
      const value = flags[name];
      if (value === undefined) return [];
      return [[name, componentVersionPattern.test(value) ? { version: value } : { source: value }]];
    }),
  );
}

function poolOf(text: string | undefined): { addresses: string[] } | undefined {
  if (text === undefined) return undefined;
  return { addresses: text === 'off' ? [] : text.split(',').map((range) => range.trim()) };
}

/** network.nodeSubnet -> --node-subnet */
export function flagName(path: Path): string {
  const key = String(path.at(-1));
  if (key === 'mode') return '--network';
  if (path[0] === 'images') return '--image';
  if (path[0] === 'manifests') return '--manifests';
  if (key === 'metrics') return '--no-metrics';
  if (path.includes('loadBalancer')) return '--load-balancer';
  if (path[0] === 'components') return `--${dashed(String(path[1]))}`;
  const flag = `--${dashed(key)}`;
  const variable = mirrorVariables[flag];
  return variable === undefined ? flag : `${flag} (or ${variable})`;
}

/** Flags that an environment variable can say as well. */
const mirrorVariables: Readonly<Record<string, string>> = {
  '--release-mirror': 'KNEST_RELEASE_MIRROR',
  '--component-mirror': 'KNEST_COMPONENT_MIRROR',
};

/**
 * The nodes that --nodes and --control-planes ask for.
 * @param file the nodes of the config file and the file's name: flags may count them again, not change them.
 */
export function nodesOfFlags(
  flags: SpecFlags,
  file: { name: string; nodes: readonly NodeConfig[] | undefined } | undefined,
): { nodes: NodeConfig[] | undefined; problems: Problem[] } {
  const total = count(flags.nodes, '--nodes');
  const control = count(flags.controlPlanes, '--control-planes');
  const problems = [...total.problems, ...control.problems];
  if (problems.length > 0 || (total.value === undefined && control.value === undefined))
    return { nodes: undefined, problems };
  if (file?.nodes)
    return { nodes: undefined, problems: differences(total.value, control.value, file.name, file.nodes) };
  const controlPlanes = control.value ?? 1;
  const nodes = total.value ?? controlPlanes;
  if (controlPlanes > nodes) {
    const message = `${controlPlanes} are more than the ${nodes} of --nodes, which counts all nodes`;
    return { nodes: undefined, problems: [{ path: '--control-planes', message }] };
  }
  const role = (index: number) => (index < controlPlanes ? 'control-plane' : 'worker');
  return { nodes: Array.from({ length: nodes }, (_, index) => ({ role: role(index) })), problems: [] };
}

function count(text: string | undefined, path: string): { value: number | undefined; problems: Problem[] } {
  if (text === undefined) return { value: undefined, problems: [] };
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= mostNodes) return { value, problems: [] };
  const message = `"${text}" is not a whole number from 1 to ${mostNodes}`;
  return { value: undefined, problems: [{ path, message }] };
}

function differences(
  total: number | undefined,
  controlPlanes: number | undefined,
  file: string,
  nodes: readonly NodeConfig[],
): Problem[] {
  const inFile = nodes.filter(({ role }) => role === 'control-plane').length;
  const hint = 'change the file, or leave the flag out';
  const says = (count: number, what: string) => `but "nodes" in ${file} lists ${count}${what}`;
  return [
    ...(total === undefined || total === nodes.length
      ? []
      : [{ path: '--nodes', message: `${total}, ${says(nodes.length, '')}`, hint }]),
    ...(controlPlanes === undefined || controlPlanes === inFile
      ? []
      : [
          {
            path: '--control-planes',
            message: `${controlPlanes}, ${says(inFile, ' control planes')}`,
            hint,
          },
        ]),
  ];
}
