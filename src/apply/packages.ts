import { CommandError, KnestError } from '../errors.ts';
import { packageManagerOf, type PackageManager } from '../facts/packages.ts';
import type { HostFacts } from '../facts/types.ts';
import type { Host, RunOptions } from '../host/types.ts';
import { pollUntil } from '../poll.ts';
import { installCommand, quietEnvironment, refreshCommand } from '../tools/package-managers.ts';
import type { Progress } from '../events.ts';

/**
 * Installs packages, named as the host's own package manager names them, without recommended ones and without
 * questions. Waits up to five minutes for another apt to finish.
 * @throws KnestError (preflight) when the host has no package manager that knest knows; CommandError when it fails.
 */
export async function installPackages(
  host: Host,
  facts: Pick<HostFacts, 'programs' | 'proxyEnvironment'>,
  packages: readonly string[],
  progress: Progress = () => undefined,
): Promise<void> {
  if (packages.length === 0) return;
  const manager = packageManagerOf(facts);
  if (manager === undefined) {
    throw new KnestError(`${host.name} has no package manager that knest knows`, {
      code: 'HOST_UNFIT',
      hint: `install these by hand: ${packages.join(' ')}`,
    });
  }
  const options: RunOptions = {
    env: { ...facts.proxyEnvironment, ...quietEnvironment },
    onLine: (line) => {
      if (line.trim() !== '') progress(line.trim());
    },
  };
  const install = () => host.run(installCommand(manager, packages), options);
  try {
    await install();
  } catch (error) {
    // no lists yet ("Unable to locate package") or lists older than the mirror ("404 Not Found"): either way 100
    if (!(error instanceof CommandError) || error.exitCode === undefined) throw error;
    if (!(await refreshLists(host, manager, options))) throw error;
    await install();
  }
}

/** False where there is nothing to refresh. The lock on the lists is not covered by apt's own waiting: try again. */
async function refreshLists(host: Host, manager: PackageManager, options: RunOptions): Promise<boolean> {
  const command = refreshCommand(manager);
  if (command === undefined) return false;
  let attempts = 0;
  return pollUntil({ interval: 5000 }, async () => {
    try {
      await host.run(command, options);
      return { value: true };
    } catch (error) {
      attempts += 1;
      if (!(error instanceof CommandError) || attempts === 3) throw error;
      return undefined;
    }
  });
}
