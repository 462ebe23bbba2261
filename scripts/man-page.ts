/** knest(1), in the macros of man(7). */

import type { Command } from 'commander';

import { exitCodes } from '../src/errors.ts';
import { describeOption, leavesOf, nameOf, sentence } from './command-tree.ts';

/** What the page has in common with docs/reference. */
export interface ManualTexts {
  exitCodes: Readonly<Record<keyof typeof exitCodes, string>>;
  environment: readonly (readonly [names: string, meaning: string])[];
}

export function manPage(program: Command, texts: ManualTexts): string {
  const lines = [
    '.\\" Written by scripts/reference.ts: change the program, not this page.',
    // without a date and version, which would change it with every release
    '.TH KNEST 1 "" "knest" "User Commands"',
    '.SH NAME',
    `knest \\- ${plain('Kubernetes clusters whose nodes are systemd-nspawn machines')}`,
    '.SH SYNOPSIS',
    `.B knest\n.I command\n[\\fIoptions\\fR]`,
    '.SH DESCRIPTION',
    plain(
      'knest makes real Kubernetes clusters. A node is a small Debian that boots in a container; etcd, the components ' +
        'of Kubernetes and containerd are its systemd units. The result of a command is on standard output, its story on ' +
        'standard error.',
    ),
    '.SH GLOBAL OPTIONS',
    ...optionLines(program),
    '.SH COMMANDS',
    ...leavesOf(program).flatMap((command) => [
      `.SS "${plain(`${nameOf(command)} ${command.usage()}`).replaceAll('"', '\\(dq')}"`,
      plain(sentence(command.description())),
      ...optionLines(command),
    ]),
    '.SH EXIT STATUS',
    ...Object.entries(exitCodes).flatMap(([kind, code]) =>
      entry(String(code), texts.exitCodes[kind as keyof typeof exitCodes]),
    ),
    '.SH ENVIRONMENT',
    ...texts.environment.flatMap(([names, meaning]) => entry(names, meaning)),
    '.SH SEE ALSO',
    '.BR machinectl (1),\n.BR systemd-nspawn (1),\n.BR journalctl (1),\n.BR kubectl (1)',
  ];
  return `${lines.join('\n')}\n`;
}

function optionLines({ options }: Command): string[] {
  return options
    .filter(({ hidden }) => !hidden)
    .flatMap((option) => entry(option.flags, describeOption(option)));
}

function entry(term: string, meaning: string): string[] {
  return ['.TP', `.B ${plain(term)}`, plain(meaning)];
}

/** Text that no character of is taken for a request or an escape, code marks left out (groff_man_style(7)). */
function plain(text: string): string {
  return text
    .replaceAll('`', '')
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('’', "'")
    .replace(/^(?=[.'])/gm, '\\&');
}
