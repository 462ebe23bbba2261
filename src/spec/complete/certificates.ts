import { parseDuration } from '../../formats/duration.ts';
import type { Config } from '../schema.ts';
import type { CertificatesSpec } from '../types.ts';

const usual = { validity: '365d', authorityValidity: '10y', renewBefore: '60d' } as const;

export function completeCertificates({ certificates = {} }: Partial<Config>): CertificatesSpec {
  const validity = seconds(certificates.validity ?? usual.validity);
  const soon = Math.min(seconds(usual.renewBefore), validity / 2);
  return {
    validity,
    authorityValidity: seconds(certificates.authorityValidity ?? usual.authorityValidity),
    renewBefore: certificates.renewBefore === undefined ? soon : seconds(certificates.renewBefore),
  };
}

function seconds(duration: string): number {
  return (parseDuration(duration) ?? 0) / 1000;
}
