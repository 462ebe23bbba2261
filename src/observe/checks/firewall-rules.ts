/** Whether the rules that planned commands have made are there, by number: nobody changes single ones, but many flush. */

import type { Host } from '../../host/types.ts';
import type { PlannedCommand } from '../../plan/types.ts';
import { listChainCommand } from '../../tools/iptables.ts';
import type { IptablesProgram } from '../../tools/iptables.ts';
import { parseRuleCounts, tableCommand } from '../../tools/nft.ts';

/** @param setup commands that have been run @returns what is missing; empty: nothing is */
export async function missingRules(host: Host, setup: readonly PlannedCommand[]): Promise<string[]> {
  const found = setup.map(async (command): Promise<string[]> => {
    const { argv, input = '', unless } = command;
    const [program = ''] = argv;
    if (program === 'nft') return missingTables(host, input);
    if (program.endsWith('tables-restore')) return missingChains(host, program, input);
    const asks = ['iptables', 'ip6tables', 'firewall-cmd'].includes(program) && unless !== undefined;
    if (!asks) return [];
    const { exitCode } = await host.run(unless, { okExitCodes: 'any' });
    return exitCode === 0 ? [] : [`a rule of ${program}: ${command.why}`];
  });
  return (await Promise.all(found)).flat();
}

async function missingTables(host: Host, ruleset: string): Promise<string[]> {
  const tables = plannedTables(ruleset).map(async ({ family, table, chains }) => {
    const { exitCode, stdout } = await host.run(tableCommand(family, table), { okExitCodes: 'any' });
    if (exitCode !== 0) return [`there is no nftables table ${family} ${table}`];
    const present = parseRuleCounts(stdout);
    return [...chains]
      .filter(([chain, rules]) => (present.get(chain) ?? -1) < rules)
      .map(([chain]) => `rules are missing in the chain ${chain} of the nftables table ${family} ${table}`);
  });
  return (await Promise.all(tables)).flat();
}

interface PlannedTable {
  family: string;
  table: string;
  /** How many rules each has. */
  chains: ReadonlyMap<string, number>;
}

/** What a ruleset of knest's makes: a line for each rule (plan/network/nat.ts). */
function plannedTables(ruleset: string): PlannedTable[] {
  const blocks = ruleset.matchAll(/^table (\S+) (\S+) \{\n([\s\S]*?)^\}/gm);
  return [...blocks].map(([, family = '', table = '', body = '']) => {
    const chains = [...body.matchAll(/^ {2}chain (\S+) \{\n([\s\S]*?)^ {2}\}/gm)];
    return {
      family,
      table,
      chains: new Map(
        chains.map(([, name = '', lines = '']) => [
          name,
          lines.split('\n').filter((line) => !/^\s*(type |#|$)/.test(line)).length,
        ]),
      ),
    };
  });
}

/** iptables-restore(8): ":chain - [0:0]" makes one, "-A chain ..." a rule. */
async function missingChains(host: Host, restore: string, rules: string): Promise<string[]> {
  const program = restore.replace('-restore', '') as IptablesProgram;
  const table = /^\*(\S+)/m.exec(rules)?.[1] ?? 'filter';
  const names = [...rules.matchAll(/^:(\S+) /gm)].map(([, name = '']) => name);
  const count = (text: string, name: string) =>
    text.split('\n').filter((line) => line.startsWith(`-A ${name} `)).length;
  const found = names.map(async (name) => {
    const { exitCode, stdout } = await host.run(listChainCommand(program, name, table), {
      okExitCodes: 'any',
    });
    return exitCode === 0 && count(stdout, name) >= count(rules, name)
      ? []
      : [`the chain ${name} of ${program} is empty or gone`];
  });
  return (await Promise.all(found)).flat();
}
