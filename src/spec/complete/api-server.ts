import { withoutUndefined } from '../check.ts';
import type { Config } from '../schema.ts';
import type { AuditSpec, PodSecuritySpec } from '../types.ts';

export function completeAudit({ audit = false }: Partial<Config>): AuditSpec | undefined {
  if (audit === false) return undefined;
  const { policy, maxAge = 7, maxBackups = 2, maxSize = 100 } = audit === true ? {} : audit;
  return { policy, maxAge, maxBackups, maxSize };
}

export function completePodSecurity({ podSecurity }: Partial<Config>): PodSecuritySpec | undefined {
  if (podSecurity === undefined) return undefined;
  // add-ons of networks and storage are privileged; kubeadm's users exempt their namespace, too
  const { usernames = [], namespaces = ['kube-system'], runtimeClasses = [] } = podSecurity.exemptions ?? {};
  return {
    defaults: withoutUndefined(podSecurity.defaults),
    exemptions: { usernames, namespaces, runtimeClasses },
  };
}
