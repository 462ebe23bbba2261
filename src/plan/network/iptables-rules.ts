import type { PlannedCommand } from '../types.ts';
import type { HostCommands } from './types.ts';
import type { Family } from './node-addresses.ts';

/** The program for one family. */
export function iptablesOf(family: Family): 'iptables' | 'ip6tables' {
  return family === 4 ? 'iptables' : 'ip6tables';
}

/** Marks a rule as ours. */
export function comment(cluster: string): string[] {
  return ['-m', 'comment', '--comment', `knest ${cluster}`];
}

export interface IptablesRule {
  program: 'iptables' | 'ip6tables';
  why: string;
  table: string;
  chain: string;
  match: readonly string[];
}

/** Another program may hold the lock of iptables: wait for it, seconds. */
export const waiting = ['--wait', '10'];

/** Rules that are put first in their chain once, and taken out again (iptables(8): -C is 0 when the rule exists). */
export function planIptablesRules(rules: readonly IptablesRule[]): HostCommands {
  const command = (action: string, { program, table, chain, match }: IptablesRule) => [
    ...[program, ...waiting, '--table', table, action, chain],
    ...match,
  ];
  const setup = rules.map((rule): PlannedCommand => ({
    why: rule.why,
    argv: command('--insert', rule),
    unless: command('--check', rule),
  }));
  const teardown = rules.map((rule): PlannedCommand => ({
    why: `undo: ${rule.why}`,
    argv: command('--delete', rule),
    mayFail: true,
  }));
  return { setup, teardown: teardown.reverse() };
}
