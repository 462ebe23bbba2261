import { clientCertificate } from './components/pki-files.ts';
import type { CertificatesSpec } from '../spec/types.ts';
import type { ComponentPlan } from './types.ts';
import type { PkiPlan, PlannedCertificate } from '../pki/types.ts';

/** Certificate of the kubeconfig that users get. */
export const adminCertificate = 'admin';

/** An authority per purpose: nobody who may talk to etcd is thereby an API client, and the other way round. */
export const authorities = [
  { name: 'ca', commonName: 'kubernetes-ca' },
  { name: 'etcd-ca', commonName: 'etcd-ca' },
  { name: 'front-proxy-ca', commonName: 'kubernetes-front-proxy-ca' },
];

/**
 * Everything that components of all machines ask for, each once.
 * @param lifetimes undefined: the cluster is older than the word for it
 */
export function planPki(components: readonly ComponentPlan[], lifetimes?: CertificatesSpec): PkiPlan {
  const admin = clientCertificate(adminCertificate, 'kubernetes-admin', ['system:masters']);
  const byName = new Map<string, PlannedCertificate>();
  for (const certificate of [admin, ...components.flatMap(({ certificates }) => certificates)]) {
    byName.set(certificate.name, certificate);
  }
  return {
    authorities,
    certificates: [...byName.values()],
    keyPairs: ['sa'],
    ...(lifetimes
      ? {
          lifetimes: {
            certificates: lifetimes.validity,
            authorities: lifetimes.authorityValidity,
            renewBefore: lifetimes.renewBefore,
          },
        }
      : {}),
  };
}
