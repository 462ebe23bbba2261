/** How commands are told which nodes, and what new nodes are to be like. */

import { defaults, nodeRoles } from '../spec/words.ts';
import { InvalidArgumentError, type Command } from 'commander';
import type { Context } from '../api/commands.ts';
import type { NodeRole } from '../spec/types.ts';
import type { Api } from './cli.ts';
import { given } from './options.ts';

export interface SelectionFlags {
  all?: true;
  role?: NodeRole;
  name?: string;
  prefix?: boolean;
}

/** NODE, NODE,NODE or a choice of a cluster's nodes by --all or --role. */
export function selectionOptions(command: Command): Command {
  return command
    .option('-A, --all', 'in all nodes of the cluster')
    .addOption(
      command.createOption('--role <role>', "in the cluster's nodes with this role").choices(nodeRoles),
    )
    .option('--name <name>', `the cluster, for --all and --role (default: "${defaults.name}")`)
    .option('--prefix', "begin each line with its node's name (default: unless it is a single node)")
    .option('--no-prefix', 'print lines as they are');
}

/** A node that has this terminal for itself, or several whose lines are told apart. */
export type Selection = { single: string } | { nodes: readonly string[] | ByCluster };

interface ByCluster {
  name: string;
  role?: NodeRole;
}

/** @param word the argument, if there is one: commands with --all and --role have none */
export function readSelection(word: string | undefined, flags: SelectionFlags, command: Command): Selection {
  const { all, role, name, prefix } = flags;
  if (all !== undefined || role !== undefined) {
    return { nodes: { name: name ?? defaults.name, ...given({ role }) } };
  }
  if (word === undefined) command.error("error: missing required argument 'node'");
  const nodes = word.split(',');
  if (nodes.includes(''))
    command.error(`error: "${word}" is no list of nodes: use names separated by commas`);
  const [single] = nodes;
  return single !== undefined && nodes.length === 1 && prefix !== true ? { single } : { nodes };
}

/** The names of a selection; --all and --role are answered by the library. */
export async function namesOf(
  nodes: readonly string[] | ByCluster,
  api: Api,
  context: Context,
): Promise<readonly string[]> {
  return 'name' in nodes ? api.selectNodes({ ...context, ...nodes }) : nodes;
}

/** For commander's argument parsers: names separated by commas or spaces. */
export function nodeNamesArgument(text: string, previous: readonly string[] = []): string[] {
  const names = text.split(',');
  if (names.includes('')) throw new InvalidArgumentError('Use names separated by commas.');
  return [...previous, ...names];
}

/** What new nodes are to be like; readChanges() checks it. */
export interface ChangeFlags {
  label?: string[];
  taint?: string[];
  suite?: string;
  kubernetesVersion?: string;
  cpus?: string;
  memory?: string;
  ioWeight?: string;
}

export function changeOptions(command: Command): Command {
  return command
    .option('--label <key=value...>', 'labels of the nodes')
    .option('--taint <key=value:effect...>', 'taints, like dedicated=db:NoSchedule')
    .option('--suite <suite>', "Debian suite of the nodes (default: the cluster's)")
    .option(
      '--kubernetes-version <version>',
      "Kubernetes version of the nodes, like v1.20.2, 1.36 or stable (default: the cluster's)",
    )
    .option('--cpus <number>', 'processors that each node may use, like 1.5 (default: all)')
    .option('--memory <size>', 'memory that each node may use, like 2Gi (default: all)')
    .option('--io-weight <number>', 'share of the disks, 1 to 10000 (default: 100, as everything else)');
}
