/** knest edit cluster */

import type { Command } from 'commander';
import { InputError, problemInOneLine } from '../../errors.ts';
import { changeOptions, changeSettings, type ChangeFlags } from '../change-options.ts';
import { withProgress, type Api, type Cli } from '../cli.ts';
import { nameOption, type NameFlag } from '../options.ts';

interface Flags extends NameFlag, ChangeFlags {}

export function addEditCluster(parent: Command, cli: Cli): void {
  changeOptions(nameOption(parent.command('cluster')))
    .description('change the config of a cluster in $KUBE_EDITOR or $EDITOR, and apply it')
    .argument('[cluster]', 'name of the cluster')
    .action((cluster: string | undefined, flags: Flags, self: Command) =>
      editCluster(cli, cluster, flags, self),
    );
}

/** As kubectl edit: what is wrong comes back on top of the text, and leaving it as it is ends it. */
async function editCluster(
  cli: Cli,
  cluster: string | undefined,
  flags: Flags,
  command: Command,
): Promise<void> {
  const name = cluster ?? flags.name;
  const api = await cli.api();
  const { edit } = await import('../editor.ts');
  const before = await configText(api, name);
  let text = introduction(name) + before;
  for (;;) {
    const edited = await edit(text, `knest-${name}.yaml`, cli.terminal);
    if (withoutComments(edited) === withoutComments(text)) {
      await withProgress(cli, command, ({ say }) => {
        say('Nothing was edited: nothing is changed.');
        return Promise.resolve();
      });
      return;
    }
    try {
      await applyText(cli, api, { name, text: edited, flags, command });
      return;
    } catch (error) {
      if (!(error instanceof InputError) || error.problems.some(({ path }) => path.startsWith('--')))
        throw error;
      text = problemsOnTop(error) + withoutProblems(edited);
    }
  }
}

interface Edited {
  name: string;
  text: string;
  flags: Flags;
  command: Command;
}

async function applyText(cli: Cli, api: Api, { name, text, flags, command }: Edited): Promise<void> {
  const [{ confirmChange }, { withPlacesOf }, { formatSeconds }] = await Promise.all([
    import('../confirm.ts'),
    import('../../spec/locate-problems.ts'),
    import('../output/duration.ts'),
  ]);
  const file = { text, name: 'the config', directory: process.cwd() };
  const { specFor } = api.loadSpec({ config: file, flags: {} });
  await withProgress(cli, command, async ({ context, say }) => {
    try {
      const done = await api.applyCluster({
        ...{ ...context, name, spec: specFor, ...changeSettings(flags) },
        confirm: (diff) =>
          confirmChange(cli.terminal, diff, { yes: flags.yes ?? false, say, signal: context.signal }),
      });
      if (!done.differs) say(`Cluster "${name}" is as it should be.`);
      if (done.applied) say(`Cluster "${name}" is as wanted, after ${formatSeconds(done.seconds)}.`);
    } catch (error) {
      throw error instanceof InputError ? withPlacesOf(file, error) : error;
    }
  });
}

async function configText(api: Api, name: string): Promise<string> {
  const { renderResult } = await import('../output/result.ts');
  return renderResult('yaml', await api.clusterConfig({ name }), { text: () => '' });
}

function introduction(name: string): string {
  return (
    `# The config of cluster "${name}". Save it to apply it; leave it as it is to change nothing.\n` +
    '# What is left out stays as it was chosen when the cluster was made. Fields: docs/reference/config.md\n'
  );
}

const problemMark = '#! ';

function problemsOnTop({ problems }: InputError): string {
  return problems.map((problem) => `${problemMark}${problemInOneLine(problem)}\n`).join('');
}

function withoutProblems(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith(problemMark))
    .join('\n');
}

function withoutComments(text: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith('#') && line.trim() !== '')
    .join('\n');
}
