import type { Problem } from '../../errors.ts';
import { completeCertificates } from '../complete/certificates.ts';
import type { At } from '../problems.ts';
import type { Config } from '../schema.ts';

/** Lifetimes that fit together: what is renewed all the time, or outlives who signed it, helps nobody. */
export function certificateProblems(config: Partial<Config>, at: At): Problem[] {
  const { validity, authorityValidity, renewBefore } = completeCertificates(config);
  const given = config.certificates ?? {};
  return [
    ...(given.renewBefore !== undefined && renewBefore >= validity
      ? [
          {
            ...at(['certificates', 'renewBefore']),
            message: `"${given.renewBefore}" is not shorter than validity (${given.validity ?? '365d'}): certificates would be renewed all the time`,
          },
        ]
      : []),
    ...(authorityValidity < validity
      ? [
          {
            ...at(['certificates', given.authorityValidity === undefined ? 'validity' : 'authorityValidity']),
            message: `certificates (${given.validity ?? '365d'}) must not outlive the authorities that sign them (${given.authorityValidity ?? '10y'})`,
          },
        ]
      : []),
  ];
}
