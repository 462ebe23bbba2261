/** knest upgrade cluster */

import { InvalidArgumentError, type Command } from 'commander';
import type { UpgradeCheck, UpgradePlan, UpgradeResult } from '../../api/commands.ts';
import { componentNames, upgradeChecks } from '../../spec/words.ts';
import type { ComponentName, ComponentOrigin } from '../../spec/types.ts';
import { componentVersionPattern } from '../../spec/values.ts';
import { askUser } from '../ask.ts';
import { paceOptions, type PaceFlags } from '../change-options.ts';
import { withProgress, type Cli } from '../cli.ts';
import {
  clusterOf,
  componentFlag,
  given,
  nodesOption,
  outputOption,
  releaseMirrorOption,
  waitOption,
  type NodesFlag,
  type OutputFlag,
} from '../options.ts';
import { changeLines } from '../output/changes-text.ts';
import { formatSeconds } from '../output/duration.ts';
import { renderResult } from '../output/result.ts';

interface Flags extends NodesFlag, PaceFlags, OutputFlag {
  name?: string;
  kubernetesVersion?: string;
  source?: string[];
  releaseMirror?: string;
  suite?: string;
  containerd?: string;
  runc?: string;
  cniPlugins?: string;
  etcd?: string;
  force?: UpgradeCheck[];
  /** Milliseconds. */
  wait: number;
  dryRun?: true;
  yes?: true;
}

export function addUpgradeCluster(parent: Command, cli: Cli): void {
  const command = parent.command('cluster');
  command
    .description('bring a cluster to another version of Kubernetes, another Debian suite, other components')
    .argument('[cluster]', 'name of the cluster (default: as of --name)')
    .option('-n, --name <name>', 'name of the cluster (default: "knest")')
    .option(
      '--kubernetes-version <version>',
      'like v1.36.2, 1.36 or stable; lines before it are gone through',
    )
    .option(
      '--source <directory...>',
      'directories of binaries, or of such directories called after their version, instead of a server',
    )
    .addOption(releaseMirrorOption(command))
    .option('--suite <suite>', 'Debian suite of the nodes')
    .option('--containerd <source>', componentFlag('containerd'))
    .option('--runc <source>', componentFlag('runc'))
    .option('--cni-plugins <source>', componentFlag('the CNI plugins'))
    .option('--etcd <source>', componentFlag('etcd'));
  nodesOption(command, 'only these nodes').option(
    '--force <checks>',
    `leave checks out of account, separated by commas: ${upgradeChecks.join(', ')}`,
    checksArgument,
  );
  paceOptions(command).option('--dry-run', 'only say what would be done').option('-y, --yes', 'do not ask');
  outputOption(waitOption(command), ['text', 'json', 'yaml', 'name']).action(
    (cluster: string | undefined, flags: Flags, self: Command) => upgrade(cli, cluster, flags, self),
  );
}

function checksArgument(text: string): UpgradeCheck[] {
  const names = text.split(',').map((name) => name.trim());
  const known: readonly string[] = upgradeChecks;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new InvalidArgumentError(`There is no check ${unknown.join(', ')}: ${upgradeChecks.join(', ')}.`);
  return names as UpgradeCheck[];
}

async function upgrade(
  cli: Cli,
  argument: string | undefined,
  flags: Flags,
  command: Command,
): Promise<void> {
  const name = clusterOf(command, argument, flags.name);
  const api = await cli.api();
  const { kubernetesVersion, releaseMirror, suite, nodes, force, maxUnavailable, drainTimeout, wait } = flags;
  const components = componentsOf(flags);
  const result = await withProgress(cli, command, async ({ context, say }) => {
    const asked = { agreed: true };
    const done = await api.upgradeCluster({
      ...context,
      ...{ name, maxUnavailable, drainTimeout, wait, dryRun: flags.dryRun ?? false },
      ...given({ kubernetesVersion, releaseMirror, suite, nodes, force, sources: flags.source }),
      ...(Object.keys(components).length === 0 ? {} : { components }),
      confirm: async (planned) => {
        const question = `Upgrade cluster "${name}"?`;
        const answer = { yes: flags.yes ?? false, signal: context.signal };
        asked.agreed = await askUser(cli.terminal, { say }, { says: planLines(planned), question }, answer);
        return asked.agreed;
      },
    });
    if (done.stages.length === 0) say(`Cluster "${name}" is there already.`);
    else if (!asked.agreed) say('Nothing was changed.');
    else if (!flags.dryRun) {
      say(`Upgraded cluster "${name}" in ${formatSeconds(done.seconds)}.`);
      say(`Back to what it was: knest rollback cluster --name ${name}`);
    }
    return done;
  });
  const rendering = {
    text: (value: UpgradeResult) =>
      flags.dryRun
        ? planLines(value)
            .map((line) => `${line}\n`)
            .join('')
        : '',
    names: (value: UpgradeResult) => value.stages.flatMap((stage) => stage.nodes),
  };
  cli.terminal.stdout.write(await renderResult(flags.output, result, rendering));
}

function componentsOf(flags: Flags): Partial<Record<ComponentName, ComponentOrigin>> {
  return Object.fromEntries(
    componentNames.flatMap((name): [string, ComponentOrigin][] => {
      const value = flags[name];
      if (value === undefined) return [];
      if (componentVersionPattern.test(value)) return [[name, { source: 'release', version: value }]];
      const source = value.startsWith('/') ? { directory: value } : (value as 'suite');
      return [[name, { source, version: undefined }]];
    }),
  );
}

function planLines({ stages }: UpgradePlan): string[] {
  return stages.flatMap(({ version, nodes, changes }, index) => {
    const place = stages.length === 1 ? '' : `Step ${index + 1} of ${stages.length}: `;
    const what = version === undefined ? 'other components' : `Kubernetes ${version}`;
    const machines = changes.machines.filter((machine) => nodes.includes(machine.name));
    return [`${place}${what} for ${nodes.join(', ')}`, ...changeLines({ ...changes, machines })];
  });
}
