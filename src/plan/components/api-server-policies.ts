/** What the spec says of auditing and of pods' security, as flags and files of kube-apiserver. */

import { stringify } from 'yaml';

import type { Flags } from '../../formats/systemd-unit.ts';
import type { PlannedFile } from '../types.ts';
import type { ClusterContext, MachineContext } from './component.ts';

export const auditLog = '/var/log/kubernetes/audit.log';
const auditPolicyFile = '/etc/kubernetes/audit-policy.yaml';
const admissionFile = '/etc/kubernetes/admission.yaml';

interface Policies {
  files: PlannedFile[];
  flags: Flags;
  featureGates: Record<string, boolean>;
}

/** For one API server. */
export function apiServerPolicies(
  { traits }: Pick<MachineContext, 'traits'>,
  { spec: { audit, podSecurity } }: Pick<ClusterContext, 'spec'>,
): Policies {
  const { podSecurityApi } = traits;
  return {
    files: [
      // without auditing it is there all the same, for --audit-policy-file in kube-apiserver.env
      yamlFile(auditPolicyFile, {
        apiVersion: 'audit.k8s.io/v1',
        kind: 'Policy',
        ...(audit?.policy ?? { omitStages: ['RequestReceived'], rules: [{ level: 'Metadata' }] }),
      }),
      ...(podSecurity
        ? [
            yamlFile(admissionFile, {
              apiVersion: 'apiserver.config.k8s.io/v1',
              kind: 'AdmissionConfiguration',
              plugins: [
                {
                  name: 'PodSecurity',
                  configuration: {
                    apiVersion: `pod-security.admission.config.k8s.io/${podSecurityApi ?? 'v1'}`,
                    kind: 'PodSecurityConfiguration',
                    ...podSecurity,
                  },
                },
              ],
            }),
          ]
        : []),
    ],
    flags: {
      'audit-policy-file': audit && auditPolicyFile,
      'audit-log-path': audit && auditLog,
      'audit-log-maxage': audit?.maxAge,
      'audit-log-maxbackup': audit?.maxBackups,
      'audit-log-maxsize': audit?.maxSize,
      'admission-control-config-file': podSecurity && admissionFile,
    },
    featureGates: podSecurity && podSecurityApi === 'v1alpha1' ? { PodSecurity: true } : {},
  };
}

function yamlFile(path: string, content: object): PlannedFile {
  return { path, mode: 0o644, content: { text: stringify(content) } };
}
