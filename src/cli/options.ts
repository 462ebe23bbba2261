/** Flags that several commands share, said once. */

import {
  componentSources,
  defaults,
  defaultWait,
  ipFamilies,
  managers,
  orList,
  proxyModes,
  sources,
} from '../spec/words.ts';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { lockFileName } from '../spec/lock-file-name.ts';
import type { SpecFlags } from '../spec/load.ts';
import type { OutputFormat } from './output/result.ts';
import { parseDuration } from './output/duration.ts';

export interface NameFlag {
  name: string;
}

/** @param short kind's -n; not where it would be taken for another program's: `kubectl -n NAMESPACE` */
export function nameOption(command: Command, { short = true }: { short?: boolean } = {}): Command {
  return command.option(short ? '-n, --name <name>' : '--name <name>', 'name of the cluster', defaults.name);
}

export interface NodesFlag {
  nodes?: string[];
}

/** --nodes NAME,NAME */
export function nodesOption(command: Command, meaning: string): Command {
  return command.option('--nodes <names>', `${meaning}, separated by commas`, namesArgument);
}

function namesArgument(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  if (names.some((name) => name === '')) throw new InvalidArgumentError('Use names separated by commas.');
  return names;
}

export interface OutputFlag {
  output: OutputFormat;
}

/** -o with the formats that fit; the first one is the default. */
export function outputOption(command: Command, formats: readonly OutputFormat[]): Command {
  const option = command.createOption('-o, --output <format>', 'format of the result on stdout');
  return command.addOption(option.choices(formats).default(formats[0]));
}

export interface InternalFlag {
  internal?: true;
}

/** --internal, as kind has it. */
export function internalOption(command: Command): Command {
  return command.option('--internal', "with the API's address as nodes and pods see it");
}

export interface KubeconfigFlag {
  kubeconfig?: string;
}

export function kubeconfigOption(command: Command): Command {
  return command.option(
    '--kubeconfig <file>',
    'kubeconfig to change (default: the first file of $KUBECONFIG that exists, else its last, else ~/.kube/config)',
  );
}

/** Only the flags that were given: `undefined` is not "not there" for exact optional properties. */
export function given<T extends object>(flags: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

export interface SpecOptions extends SpecFlags, LockFlags {
  config?: string;
  /** kind's --image. */
  image?: string;
}

export interface LockFlags {
  /** Only by a lock. */
  locked?: true;
  /** false: a lock does not count. */
  lock?: boolean;
}

/** What a lock beside the config file is to count. */
export function lockOptions(command: Command): Command {
  return command
    .option('--locked', `refuse to go on without a ${lockFileName} beside the config file`)
    .option('--no-lock', `leave a ${lockFileName} beside the config file out of account`);
}

/** The flags from which a cluster spec is read. Their values are checked with the config file, all at once. */
export function specOptions(command: Command): Command {
  return imageOptions(
    lockOptions(
      command
        .option('-n, --name <name>', `name of the cluster (default: "${defaults.name}")`)
        .option('--config <file>', 'cluster config file, of kind as well, "-" for stdin; flags override it'),
    ),
  )
    .option(
      '--image <image>',
      "image of kind's nodes, for scripts that name one: stands for the Kubernetes version in its tag",
    )
    .option('--nodes <count>', 'how many nodes, control planes and workers together (default: 1)')
    .option('--control-planes <count>', 'how many of them are control planes (default: 1)')
    .option(
      '--network <mode>',
      `how nodes reach each other and the world: bridge, macvlan:LINK for hosts of a LAN, or host (default: "${defaults.network}")`,
    )
    .option('--dhcp', 'addresses by the DHCP server of the LAN, with macvlan')
    .option('--gateway <address>', 'router of the LAN, with macvlan (default: none)')
    .option('--ip-family <family>', `addresses: ${orList(ipFamilies)} (default: "${defaults.ipFamily}")`)
    .option('--node-subnet <cidr>', 'subnet of the nodes (default: one that is free on this host)')
    .option('--pod-subnet <cidr>', 'subnet of the pods (default: one that is free on this host)')
    .option('--service-subnet <cidr>', 'subnet of the Services (default: one that is free on this host)')
    .option(
      '--load-balancer <ranges>',
      'addresses for Services of type LoadBalancer, or off (default: a part of the node subnet)',
    )
    .option('--proxy-mode <mode>', `kube-proxy: ${orList(proxyModes)} (default: "${defaults.proxyMode}")`)
    .option(
      '--manifests <path...>',
      'objects to apply when the cluster starts: files, folders and URLs, after those of the config file',
    )
    .option(
      '--ingress',
      'serve Ingresses at ports 80 and 443 of the control planes, by HAProxy (default: off)',
    )
    .option('--no-metrics', 'no metrics by knest-agent: kubectl top and autoscalers need a metrics-server')
    .option(
      '--manager <manager>',
      `who runs the machines: ${orList(managers)} (default: "${defaults.manager}")`,
    );
}

/** --release-mirror, or what the environment says. */
export function releaseMirrorOption(command: Command): Option {
  return command
    .createOption('--release-mirror <url>', 'mirror of the Kubernetes download server, for --source release')
    .env('KNEST_RELEASE_MIRROR');
}

/** --component-mirror, or what the environment says. */
export function componentMirrorOption(command: Command): Option {
  return command
    .createOption(
      '--component-mirror <url>',
      'mirror of the releases of containerd, runc, the CNI plugins and etcd, with the layout of github.com',
    )
    .env('KNEST_COMPONENT_MIRROR');
}

/** The flags that decide what is in a node's root file system. */
export function imageOptions(command: Command): Command {
  return command
    .option(
      '--kubernetes-version <version>',
      'Kubernetes version, like v1.20.2, 1.36, stable or latest-1.36 (default: what the source gives)',
    )
    .option(
      '--source <source>',
      `where Kubernetes comes from: ${orList([...sources, 'a directory'])} (default: "${defaults.source}")`,
    )
    .addOption(releaseMirrorOption(command))
    .option('--containerd <source>', componentFlag('containerd'))
    .option('--runc <source>', componentFlag('runc'))
    .option('--cni-plugins <source>', componentFlag('the CNI plugins'))
    .option('--etcd <source>', componentFlag('etcd'))
    .addOption(componentMirrorOption(command))
    .option('--suite <suite>', `Debian suite of the nodes (default: "${defaults.suite}")`)
    .option('--mirror <url>', "Debian mirror (default: the host's own)");
}

/** What one of the flags for a component means. */
export function componentFlag(what: string): string {
  return `${what}: ${orList([...componentSources, 'a version like 1.2.3', 'a directory'])} (default: "auto")`;
}

export interface BundleFlags {
  bundle?: string;
  verifyKey?: string;
}

/** --bundle, and who must have signed it. */
export function bundleOptions(command: Command): Command {
  return command
    .option('--bundle <file>', 'take everything out of this file, which "knest bundle create" has made')
    .option('--verify-key <file>', 'public key (ed25519, PEM) whose owner must have signed the bundle');
}

/** --yes: knest may change more on the host than what belongs to the cluster. */
export function yesOption(
  command: Command,
  meaning = 'install missing Debian packages on this host without asking',
): Command {
  return command.option('-y, --yes', meaning);
}

/** For commander's argument parsers: milliseconds from "30s", "5m". */
export function durationArgument(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) throw new InvalidArgumentError('Use a duration like 30s, 5m or 1h30m.');
  return milliseconds;
}

/** A cluster named by an argument, as kubectl names things, or by --name, as kind does. */
export function clusterOf(command: Command, argument: string | undefined, flag: string | undefined): string {
  if (argument !== undefined && flag !== undefined && argument !== flag)
    command.error(`error: the cluster is "${argument}" by its argument, and "${flag}" by --name`);
  return argument ?? flag ?? defaults.name;
}

/** For commander's argument parsers: a whole number from 1. */
export function positiveArgument(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Use a whole number from 1 on.');
  return Number(text);
}

/** For commander's argument parsers: a whole number from 0. */
export function countArgument(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Use a whole number.');
  return Number(text);
}

/** --wait, in milliseconds. */
export function waitOption(command: Command): Command {
  const option = new Option('--wait <duration>', 'wait until all nodes are Ready; 0s does not wait');
  // the second argument is what help shows
  return command.addOption(
    option.argParser(durationArgument).default(defaultWait, `${defaultWait / 60_000}m`),
  );
}
