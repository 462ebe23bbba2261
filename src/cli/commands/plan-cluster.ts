/** knest plan cluster */

import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import type { PlanResult } from '../../api/commands.ts';
import { withProgress, type Cli, type Story } from '../cli.ts';
import { bundleOptions, given, specOptions, type BundleFlags, type SpecOptions } from '../options.ts';

type PlanOutput = { format: 'text' | 'json' | 'mermaid' } | { format: 'directory'; path: string };

interface Flags extends SpecOptions, BundleFlags {
  output: PlanOutput;
}

export function addPlanCluster(parent: Command, cli: Cli): void {
  bundleOptions(specOptions(parent.command('cluster')))
    .description('show everything that "create cluster" with the same flags would do; touches nothing')
    .option(
      '-o, --output <format>',
      'text, json, mermaid for a picture, or dir:PATH for a folder of files',
      parseOutput,
      {
        format: 'text',
      },
    )
    .action((flags: Flags, self: Command) => planCluster(cli, flags, self))
    .options.at(-1)
    ?.default({ format: 'text' }, '"text"');
}

async function planCluster(cli: Cli, flags: Flags, command: Command): Promise<void> {
  const [{ readWanted, tellWanted }, api] = await Promise.all([import('../read-wanted.ts'), cli.api()]);
  const { withPlaces } = await import('../read-spec.ts');
  const wanted = await readWanted(cli.terminal, api, flags);
  const { output } = flags;
  const { stdout } = cli.terminal;
  const work = async ({ context, say }: Story): Promise<PlanResult['plan']> => {
    tellWanted(wanted, flags, context.listener);
    const { spec, bundled } = wanted;
    const layersToCome = bundled?.lock.layers.map(({ id }) => id);
    const result = await withPlaces(wanted, () =>
      api.planCluster({ ...context, spec, ...given({ layersToCome }) }),
    );
    if (output.format === 'directory') {
      const { writePlanDirectory } = await import('../output/plan-directory.ts');
      const { thisWorkstation } = await import('../../workstation/workstation.ts');
      // relative to where the user is
      await writePlanDirectory(result.plan, resolve(output.path), thisWorkstation());
      say(`The plan is in ${output.path}.`);
    }
    return result.plan;
  };
  const plan = await withProgress(cli, command, work, { changes: false });
  if (output.format === 'json') stdout.write((await import('../output/plan-json.ts')).planJson(plan));
  if (output.format === 'mermaid')
    stdout.write((await import('../output/plan-mermaid.ts')).planMermaid(plan));
  if (output.format === 'text') stdout.write((await import('../output/plan-text.ts')).renderPlan(plan));
}

function parseOutput(text: string): PlanOutput {
  if (text === 'text' || text === 'json' || text === 'mermaid') return { format: text };
  const path = /^dir:(.+)$/.exec(text)?.[1];
  if (path === undefined) throw new InvalidArgumentError('Allowed are text, json, mermaid and dir:PATH.');
  return { format: 'directory', path };
}
