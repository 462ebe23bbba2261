/** Flags of commands that bring a cluster to another spec. */

import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { ApplyOptions } from '../api/commands.ts';
import { countArgument, durationArgument, given, waitOption, yesOption } from './options.ts';

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

export function changeSettings({
  maxUnavailable,
  drainTimeout,
  wait,
  yes,
  dryRun,
}: ChangeFlags): Partial<ApplyOptions> {
  return given({ maxUnavailable, drainTimeout, wait, install: yes, dryRun });
}

function positiveArgument(text: string): number {
  const count = countArgument(text);
  if (count === 0) throw new InvalidArgumentError('Use a whole number from 1.');
  return count;
}
