import { packageFor, type Provided } from '../../facts/packages.ts';
import { oldestNspawn } from '../../facts/systemd-versions.ts';
import type { Check, HostFacts } from '../../facts/types.ts';
import { ok, problem, warning } from './verdicts.ts';

/** Programs that must be there, and packages that bring them. */
export function programChecks(facts: HostFacts, needs: { building: boolean }): Check[] {
  return [
    checkNspawn(facts),
    facts.programs['ip'] === undefined
      ? missing('ip', 'ip (iproute2) is not installed.', ['ip'], facts)
      : ok('ip', 'ip is installed.'),
    checkNft(facts),
    checkUtilLinux(facts),
    ...(needs.building ? [checkBootstrap(facts), checkKeyring(facts)] : []),
  ];
}

function checkNspawn(facts: HostFacts): Check {
  const name = 'systemd-nspawn';
  const version = facts.systemdVersion;
  if (version === undefined)
    return missing(name, 'systemd-nspawn is not installed.', ['systemd-nspawn'], facts);
  if (version >= oldestNspawn) return ok(name, `systemd-nspawn is installed (${version}).`);
  return problem(
    name,
    `systemd-nspawn is version ${version}; knest needs ${oldestNspawn} or newer.`,
    'use a newer release of the distribution: Debian 11, Ubuntu 22.04, Fedora 33 or later',
  );
}

function checkNft({ programs }: HostFacts): Check {
  if (programs['nft'] !== undefined)
    return ok('nft', 'nft is installed: each cluster gets an nftables table of its own.');
  if (programs['iptables'] === undefined)
    return missing('nft', 'nft (nftables) is not installed.', ['nft'], { programs });
  return warning(
    'nft',
    'nft is not installed; knest puts its rules into the nat table of iptables instead.',
    'install the package nftables, so that a cluster can have a table of its own',
  );
}

function checkUtilLinux(facts: HostFacts): Check {
  const needed = ['mount', 'nsenter', 'setpriv', 'unshare'] as const;
  const absent = needed.filter((program) => facts.programs[program] === undefined);
  if (absent.length === 0) return ok('util-linux', `${needed.join(', ')} are installed.`);
  const are = absent.length === 1 ? 'is' : 'are';
  return missing('util-linux', `${absent.join(', ')} (util-linux) ${are} not installed.`, absent, facts);
}

function checkBootstrap(facts: HostFacts): Check {
  const tool = ['mmdebstrap', 'debootstrap'].find((program) => facts.programs[program] !== undefined);
  return tool === undefined
    ? missing(
        'bootstrap',
        'Neither mmdebstrap nor debootstrap is installed; one of them builds the root file system of the nodes.',
        ['bootstrap'],
        facts,
      )
    : ok('bootstrap', `${tool} is installed and builds the root file system of the nodes.`);
}

function checkKeyring(facts: HostFacts): Check {
  const name = 'debian-archive-keyring';
  return facts.debianKeyring === undefined
    ? missing(
        name,
        "Debian's archive keys are not installed; without them packages can't be verified.",
        [name],
        facts,
      )
    : ok(name, `Debian's archive keys are installed (${facts.debianKeyring}).`);
}

/** A problem that packages solve, where the host's package manager has them. */
function missing(
  name: string,
  sentence: string,
  what: readonly Provided[],
  facts: Pick<HostFacts, 'programs'>,
): Check {
  const packages = [...new Set(what.flatMap((one) => packageFor(one, facts) ?? []))];
  if (packages.length === 0)
    return problem(name, sentence, 'install it, by hand: knest knows no package for it here');
  const noun = packages.length === 1 ? 'the package' : 'the packages';
  return { ...problem(name, sentence, `install ${noun} ${packages.join(' ')}`), packages };
}
