/** The config file: what the API servers write down, and which pods they take. */

import * as z from 'zod';
import { nameProblem } from '../values.ts';
import { checkedText } from './fields.ts';

const auditRule = z.looseObject({
  level: z
    .enum(['None', 'Metadata', 'Request', 'RequestResponse'])
    .meta({ description: 'How much of it. The other fields of a rule say of which requests.' }),
});

const positive = (description: string) => z.int().min(1).optional().meta({ description });

const auditFields = z.strictObject({
  policy: z
    .looseObject({
      rules: z.array(auditRule).min(1).meta({ description: 'The first one that fits counts.' }),
    })
    .optional()
    .meta({
      description:
        'A `Policy` of audit.k8s.io/v1: `{ rules: [{ level: Metadata }] }`. Default: who did what and when, of all requests.',
    }),
  maxAge: positive('Days that old files are kept. Default: 7.'),
  maxBackups: positive('Old files that are kept. Default: 2.'),
  maxSize: positive('Megabytes of a file. Default: 100.'),
});

export const auditSchema = z
  .union([z.boolean(), auditFields], { error: 'must be true, false or a mapping' })
  .meta({
    description:
      'Write requests to the API down, in `/var/log/kubernetes/audit.log` of each control plane; `true` or how. ' +
      'Default: false.',
  });

const level = z.enum(['privileged', 'baseline', 'restricted']).optional();
const version = checkedText(podSecurityVersionProblem).optional();

function podSecurityVersionProblem(value: string): string | undefined {
  return /^(latest|v1\.\d+)$/.test(value) ? undefined : `"${value}" is neither "latest" nor like "v1.35"`;
}

const names = z.array(z.string().min(1)).optional();

export const podSecuritySchema = z
  .strictObject({
    defaults: z
      .strictObject({
        enforce: level.meta({ description: 'Pods that are not so are refused. Default: privileged.' }),
        'enforce-version': version.meta({
          description: 'Version of the standard: `latest`, `v1.35`. Default: latest.',
        }),
        audit: level.meta({ description: 'Pods that are not so are noted in the audit log.' }),
        'audit-version': version.meta({ description: 'As `enforce-version`.' }),
        warn: level.meta({ description: 'Who makes pods that are not so is warned.' }),
        'warn-version': version.meta({ description: 'As `enforce-version`.' }),
      })
      .meta({ description: 'Levels for namespaces that say nothing themselves.' }),
    exemptions: z
      .strictObject({
        usernames: names.meta({ description: 'Users.' }),
        namespaces: z
          .array(checkedText(nameProblem))
          .optional()
          .meta({ description: 'Namespaces. Default: kube-system.' }),
        runtimeClasses: names.meta({ description: 'RuntimeClasses.' }),
      })
      .optional()
      .meta({ description: 'Whose pods are not looked at.' }),
  })
  .meta({ description: 'Which pods are allowed (Pod Security Admission); Kubernetes v1.22 or newer.' });
