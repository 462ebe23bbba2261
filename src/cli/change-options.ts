/** Flags of commands that bring a cluster to another spec. */

import type { Command } from 'commander';
import type { ApplyOptions } from '../api/commands.ts';
import { durationArgument, given, positiveArgument, waitOption, yesOption } from './options.ts';

export interface ChangeFlags {
  maxUnavailable?: number;
  drainTimeout?: number;
  wait?: number;
  yes?: true;
  dryRun?: true;
}

export function changeOptions(command: Command): Command {
  return yesOption(
    waitOption(
      command
        .option('--dry-run', 'show what would change, and change nothing')
        .option(
          '--max-unavailable <count>',
          'how many workers may be changed at the same time (default: 1); control planes are changed one by one',
          positiveArgument,
        )
        .option(
          '--drain-timeout <duration>',
          'how long evicting the pods of a node may take (default: 5m)',
          durationArgument,
        ),
    ),
    'change what is to be changed without asking; may install missing Debian packages on this host',
  );
}

/** How a change goes through a cluster, with the defaults in the flags. */
export interface PaceFlags {
  maxUnavailable: number;
  /** Milliseconds. */
  drainTimeout: number;
}

export function paceOptions(command: Command): Command {
  return command
    .addOption(
      command
        .createOption('--max-unavailable <count>', 'how many workers may be restarted at the same time')
        .argParser(positiveArgument)
        .default(1),
    )
    .addOption(
      command
        .createOption('--drain-timeout <duration>', 'how long evicting the pods of a node may take')
        .argParser(durationArgument)
        .default(300_000, '5m'),
    );
}

export function changeSettings({
  maxUnavailable,
  drainTimeout,
  wait,
  yes,
  dryRun,
}: ChangeFlags): Partial<ApplyOptions> {
  return given({ maxUnavailable, drainTimeout, wait, install: yes, dryRun });
}
