/** Planned commands as a shell script: what a person, or a unit of the host, carries out without knest. */

import { printableCommand } from '../errors.ts';
import type { PlannedCommand, PlannedSysctl } from './types.ts';

/** Commands in order; the first that fails ends the script. Kernel settings come first. */
export function hostScript(
  commands: readonly PlannedCommand[],
  sysctls: readonly PlannedSysctl[] = [],
): string {
  const blocks = [...sysctls.map(sysctlLines), ...commands.map(commandLines)];
  return `${['#!/bin/sh', 'set -eu', ...blocks.flatMap((block) => ['', ...block])].join('\n')}\n`;
}

function sysctlLines({ key, from, to, why }: PlannedSysctl): string[] {
  return [...comment(`${why} (now ${from})`), printableCommand(['sysctl', '-w', `${key}=${to}`])];
}

function commandLines({ why, argv, input, unless, mayFail }: PlannedCommand): string[] {
  const guard = unless === undefined ? '' : `${printableCommand(unless)} >/dev/null 2>&1 || `;
  const command = `${guard}${printableCommand(argv)}${mayFail ? ' || true' : ''}`;
  if (input === undefined) return [...comment(why), command];
  const end = freeWord(input);
  // The here-document belongs to the command and must begin on the line after it.
  const document = `${guard}${printableCommand(argv)} <<'${end}'${mayFail ? ' || true' : ''}`;
  return [...comment(why), document, ...input.replace(/\n$/, '').split('\n'), end];
}

function comment(words: string): string[] {
  return words.split('\n').map((line) => `# ${line}`);
}

/** An end word that is no line of the document. */
function freeWord(document: string): string {
  const lines = new Set(document.split('\n'));
  let word = 'END';
  while (lines.has(word)) word += '_';
  return word;
}
