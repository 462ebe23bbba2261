import { networkChecks } from './network.ts';
import { folderChecks } from './folders.ts';
import { programChecks } from './programs.ts';
import { systemChecks } from './system.ts';
import { warning } from './verdicts.ts';
import type { Check, HostFacts, Question, Unanswered } from '../../facts/types.ts';

export interface Needs {
  /** A root file system or Kubernetes itself must still be built: more programs and more space. */
  building: boolean;
}

/**
 * Everything that knest needs of a host or will do about it: one sentence, verdict and fix each.
 * @param unanswered what is not known: a warning each, instead of the checks that need it
 */
export function checkHost(facts: HostFacts, needs: Needs, unanswered: readonly Unanswered[] = []): Check[] {
  const unknown = new Set(unanswered.flatMap(({ question }) => judgedBy[question]));
  const checks = [
    ...systemChecks(facts, needs),
    ...folderChecks(facts, needs),
    ...programChecks(facts, needs),
    ...networkChecks(facts),
  ];
  return [...checks.filter(({ name }) => !unknown.has(name)), ...unanswered.map(notKnown)];
}

/** The checks that say something of each question's answer. */
const judgedBy: Readonly<Record<Question, readonly string[]>> = {
  'systemd-nspawn': ['systemd-nspawn'],
  apt: [],
  network: ['macvlan', 'kernel-settings'],
  firewall: [
    ...['firewall', 'firewalld', 'nftables', 'kubernetes'],
    ...['docker', 'docker-ipv6', 'iptables', 'iptables-ipv6'],
  ],
  space: ['space-state', 'space-cache'],
  folders: [],
  links: [],
  devices: [],
};

const subjects: Readonly<Record<Question, string>> = {
  'systemd-nspawn': 'Which systemd-nspawn is installed',
  apt: "Which mirrors the host's apt uses",
  network: 'Which links, addresses and routes there are',
  firewall: 'Whether a firewall drops what machines send',
  space: 'How much space is free',
  devices: 'Which devices there are',
  folders: 'Whether the folders of state and cache can be used',
  links: 'Whether the kernel can make bridges and virtual Ethernet links',
};

function notKnown({ question, reason }: Unanswered): Check {
  return warning(
    `unknown-${question}`,
    `${subjects[question]} is not known: ${reason}.`,
    'if the host is busy, wait and run knest doctor again; else run that command yourself',
  );
}

/** Packages that would solve problems, in the words of the host's package manager; none for mere warnings. */
export function missingPackages(checks: readonly Check[]): string[] {
  const problems = checks.filter(({ verdict }) => verdict === 'problem');
  return [...new Set(problems.flatMap(({ packages }) => packages ?? []))].sort();
}
