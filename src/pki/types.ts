/** Keys and certificates as a plan names them; what is in them is made by src/pki when they are needed. */

export interface PlannedAuthority {
  /** File name without extension below pki/, e.g. "etcd-ca". */
  name: string;
  commonName: string;
}

export interface PlannedCertificate {
  /** File name without extension: <name>.crt and <name>.key. */
  name: string;
  authority: string;
  commonName: string;
  organizations: readonly string[];
  usages: readonly ('server' | 'client')[];
  dnsNames: readonly string[];
  ipAddresses: readonly string[];
}

/** Seconds. */
export interface Lifetimes {
  certificates: number;
  authorities: number;
  /** A certificate is renewed when it has no more than this left. */
  renewBefore: number;
}

export interface PkiPlan {
  authorities: readonly PlannedAuthority[];
  certificates: readonly PlannedCertificate[];
  /** Bare key pairs: <name>.pub and <name>.key (service account tokens). */
  keyPairs: readonly string[];
  /** Clusters of older versions of knest have none: ten years, and nobody renews what lasts as long as the cluster. */
  lifetimes?: Lifetimes;
}
