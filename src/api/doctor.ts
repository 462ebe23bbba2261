import { installPackages } from '../apply/packages.ts';
import { runSequence } from '../apply/runner.ts';
import { checkHost, missingPackages } from '../facts/checks.ts';
import type { Check } from '../facts/types.ts';
import { gatherFacts } from '../observe/facts.ts';
import { openSession } from './session.ts';
import type { Context } from './types.ts';

/** Looks at everything that knest needs from a host; with `fix`, installs what packages can mend. */
export async function doctor(options: Context & { fix: boolean; yes: boolean }): Promise<Check[]> {
  const { host, paths, listener, signal } = openSession(options);
  const look = async (): Promise<{ checks: Check[]; facts: Awaited<ReturnType<typeof gatherFacts>> }> => {
    const facts = await gatherFacts(host, paths, process.env, { apt: true, thorough: true });
    return { facts, checks: checkHost(facts, { building: true }) };
  };
  const { checks, facts } = await look();
  const packages = missingPackages(checks);
  if (!options.fix || packages.length === 0) return checks;
  const step = {
    id: 'packages',
    title: `Install ${packages.join(', ')}`,
    run: ({ progress }: { progress: (message: string) => void }) =>
      installPackages(host, facts, packages, progress),
  };
  await runSequence(step, listener, signal);
  return (await look()).checks;
}
