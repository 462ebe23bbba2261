/** What differs between versions of etcd, and the order in which its members may be brought to newer ones. */

import semver from 'semver';

/**
 * The flags that knest writes are the same in 3.4 to 3.7. These are gone, and etcd does not start with a flag that it does
 * not know.
 */
export const removedEtcdFlags: readonly {
  flags: readonly string[];
  /** The first version without them. */
  since: string;
  instead: string;
  source: string;
}[] = [
  {
    flags: ['debug'],
    since: '3.5.0',
    instead: 'use log-level: debug',
    source: 'etcd: CHANGELOG-3.5',
  },
  {
    flags: ['log-output'],
    since: '3.5.0',
    instead: 'use log-outputs',
    source: 'etcd: CHANGELOG-3.5',
  },
  {
    flags: [
      ...['enable-v2', 'experimental-enable-v2v3', 'proxy', 'proxy-failure-wait', 'proxy-refresh-interval'],
      ...['proxy-dial-timeout', 'proxy-write-timeout', 'proxy-read-timeout'],
    ],
    since: '3.6.0',
    instead: 'leave it out: the API of version 2 and the proxy are gone',
    source: 'etcd.io: "Upgrade etcd from v3.5 to v3.6", flags removed',
  },
  {
    flags: [
      ...['bootstrap-defrag-threshold-megabytes', 'compact-hash-check-time', 'compaction-batch-limit'],
      ...['compaction-sleep-interval', 'corrupt-check-time', 'distributed-tracing-address'],
      ...['distributed-tracing-instance-id', 'distributed-tracing-sampling-rate'],
      ...['distributed-tracing-service-name', 'downgrade-check-time', 'enable-distributed-tracing'],
      ...['memory-mlock', 'peer-skip-client-san-verification', 'snapshot-catchup-entries'],
      ...['warning-apply-duration', 'warning-unary-request-duration', 'watch-progress-notify-interval'],
    ].map((name) => `experimental-${name}`),
    since: '3.7.0',
    instead: 'the same flag without "experimental-"',
    source: 'etcd.io: "Upgrade etcd from v3.6 to v3.7", flags removed',
  },
  {
    flags: [
      ...['compact-hash-check-enabled', 'enable-lease-checkpoint', 'enable-lease-checkpoint-persist'],
      ...['initial-corrupt-check', 'stop-grpc-service-on-defrag', 'txn-mode-write-with-shared-buffer'],
    ].map((name) => `experimental-${name}`),
    since: '3.7.0',
    instead: 'it is a feature gate now: feature-gates',
    source: 'etcd.io: "Upgrade etcd from v3.6 to v3.7", flags removed',
  },
];

/** The least version that members must have before the first of them goes to the next line. */
export const etcdUpgrades: readonly { to: string; from: string; source: string }[] = [
  { to: '3.5', from: '3.4.0', source: 'etcd.io: "Upgrade etcd from 3.4 to 3.5"' },
  {
    to: '3.6',
    from: '3.5.26',
    source: 'etcd.io: "Upgrade etcd from v3.5 to v3.6": before, members that were removed may come back',
  },
  { to: '3.7', from: '3.6.11', source: 'etcd.io: "Upgrade etcd from v3.6 to v3.7"' },
];

/** Why an etcd may not be followed by another one, and what has to come between. */
export interface EtcdUpgradeProblem {
  message: string;
  hint: string;
}

/**
 * Whether the members of a cluster may be brought from one version to another, one after the other, with their data. Within
 * a line any patch may follow on any; from line to line only forwards, one at a time, and from a patch that can be left.
 * @returns undefined: they may
 */
export function etcdUpgradeProblem(from: string, to: string): EtcdUpgradeProblem | undefined {
  const [old, target] = [semver.parse(from), semver.parse(to)];
  if (!old || !target || (old.major === target.major && old.minor === target.minor)) return undefined;
  if (semver.lt(target, old)) {
    return {
      message: `etcd ${from} cannot go back to ${to}: its data is in the newer format`,
      hint: 'restore a snapshot that was taken before the upgrade',
    };
  }
  const next = `${old.major}.${old.minor + 1}`;
  const rule = etcdUpgrades.find((one) => one.to === next);
  const far = target.major !== old.major || target.minor > old.minor + 1;
  if (rule && semver.lt(old, rule.from)) {
    return {
      message: `etcd ${from} must not go to ${to}: ${next} takes over from ${rule.from} or newer`,
      hint: `first upgrade etcd to ${rule.from} or a newer ${old.major}.${old.minor}`,
    };
  }
  if (!far) return undefined;
  return {
    message: `etcd ${from} cannot go to ${to} at once: no line may be left out`,
    hint: `first upgrade etcd to ${next}`,
  };
}
