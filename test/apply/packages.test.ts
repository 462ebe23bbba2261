import { describe, expect, it } from 'vitest';

import { installPackages } from '../../src/apply/packages.ts';
import { CommandError } from '../../src/errors.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { hostFacts } from '../fixtures/host-facts.ts';

const facts = hostFacts();
const actions = (commands: readonly (readonly string[])[]) =>
  commands.map((argv) => argv.find((word) => ['install', 'update'].includes(word)));

describe('installPackages', () => {
  it('installs at once where the lists are fresh, and tells how far it is', async () => {
    const host = memoryHost({
      answers: { 'apt-get': { stdout: 'Unpacking nftables\n\nSetting up nftables\n' } },
    });
    const said: string[] = [];
    await installPackages(host, facts, ['nftables'], (message) => said.push(message));
    expect(actions(host.commands)).toEqual(['install']);
    expect(host.commands[0]).toEqual(
      expect.arrayContaining(['--yes', '--no-install-recommends', 'DPkg::Lock::Timeout=300', 'nftables']),
    );
    expect(said).toEqual(['Unpacking nftables', 'Setting up nftables']);
  });

  it('reads the lists anew when installing fails, and tries once more', async () => {
    let updated = false;
    const host = memoryHost({
      answers: {
        'apt-get': (argv) => {
          if (argv.includes('update')) updated = true;
          return { exitCode: updated ? 0 : 100 };
        },
      },
    });
    await installPackages(host, facts, ['nftables']);
    expect(actions(host.commands)).toEqual(['install', 'update', 'install']);
  });

  it('gives up when it fails again', async () => {
    const host = memoryHost({
      answers: {
        'apt-get': (argv) => ({ exitCode: argv.includes('update') ? 0 : 100, stderr: 'E: no such package' }),
      },
    });
    await expect(installPackages(host, facts, ['nope'])).rejects.toThrow(CommandError);
    expect(actions(host.commands)).toEqual(['install', 'update', 'install']);
  });

  it('never refreshes for pacman, whose partial upgrades break systems', async () => {
    const host = memoryHost({ answers: { pacman: { exitCode: 1 } } });
    const arch = { programs: { pacman: '/usr/bin/pacman' }, proxyEnvironment: {} };
    await expect(installPackages(host, arch, ['nftables'])).rejects.toThrow(CommandError);
    expect(host.commands).toHaveLength(1);
  });

  it('names the packages where there is no package manager', async () => {
    const bare = { programs: {}, proxyEnvironment: {} };
    await expect(installPackages(memoryHost(), bare, ['a', 'b'])).rejects.toMatchObject({
      kind: 'preflight',
      hint: 'install these by hand: a b',
    });
  });

  it('does nothing for no packages', async () => {
    const host = memoryHost();
    await installPackages(host, facts, []);
    expect(host.commands).toEqual([]);
  });
});
