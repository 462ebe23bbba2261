/**
 * Before the first scenario: what knest needs of the host, and the layers that all scenarios share, so that no
 * scenario has to wait minutes for the compiler. On a machine where that was done before, this takes a second.
 */

import { execa } from 'execa';

import { mainFile } from './cli.ts';

export async function setup(): Promise<void> {
  // without root every scenario skips itself, and says why
  if (process.getuid?.() !== 0) return;
  for (const suite of ['trixie', 'bookworm']) {
    const args = [mainFile, '--progress', 'plain', 'build', 'image', '--yes', '--suite', suite];
    await execa(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  }
}
