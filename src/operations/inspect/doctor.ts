import { checkHost, missingPackages } from '../../observe/checks/check-host.ts';
import type { Check, Unanswered } from '../../facts/types.ts';
import { gatherFacts } from '../../observe/host/gather.ts';
import { installHere } from '../phases/acquire.ts';
import { openSession } from '../session.ts';
import type { Context } from '../types.ts';

/** Looks at everything that knest needs from a host; with `fix`, installs what packages can mend. */
export async function doctor(options: Context & { fix: boolean; yes: boolean }): Promise<Check[]> {
  const session = openSession(options);
  const { host, paths, workstation } = session;
  const look = async (): Promise<{ checks: Check[]; facts: Awaited<ReturnType<typeof gatherFacts>> }> => {
    const unanswered: Unanswered[] = [];
    const facts = await gatherFacts(host, paths, workstation.env, {
      ...{ apt: true, thorough: true, tryFolders: true },
      // on a busy host one program may not end in time: the rest is worth telling
      onUnanswered: (one) => unanswered.push(one),
    });
    return { facts, checks: checkHost(facts, { building: true }, unanswered) };
  };
  const { checks, facts } = await look();
  const packages = missingPackages(checks);
  if (!options.fix || packages.length === 0) return checks;
  await installHere(session, facts, packages);
  return (await look()).checks;
}
