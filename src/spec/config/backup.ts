/** The config file: backups that the cluster makes of itself. */

import * as z from 'zod';
import { everyProblem, scheduledPlaceProblem } from '../backup.ts';
import { checkedText } from './fields.ts';

export const backupSchema = z
  .strictObject({
    every: checkedText(everyProblem).meta({ description: 'How often: `30m`, `6h`, `1d`.' }),
    keep: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'How many are kept; older ones are deleted. Default: 10.' }),
    to: checkedText(scheduledPlaceProblem).meta({
      description: 'Folder of the host that they are written to. It outlives the cluster.',
    }),
  })
  .meta({ description: 'Backups of all objects and keys that the control planes make by themselves.' });
