import { readFileSync } from 'node:fs';

import { secondsLeft } from '../../pki/issue.ts';
import type { CertificatesConfig } from './config.ts';

/** Prometheus' text: how long the certificates of this node are good for, and those of who signed them. */
export function renderExpiry({ folder, certificates, authorities }: CertificatesConfig, now: Date): string {
  const names = [...certificates.map(({ name }) => name), ...authorities];
  const lines = names.flatMap((name) => {
    try {
      const left = secondsLeft(readFileSync(`${folder}/${name}.crt`, 'utf8'), now);
      return [`knest_certificate_expiry_seconds{name="${name}"} ${Math.floor(left)}\n`];
    } catch {
      return []; // not there
    }
  });
  return [
    '# HELP knest_certificate_expiry_seconds Seconds until a certificate of this node ends.\n',
    '# TYPE knest_certificate_expiry_seconds gauge\n',
    ...lines,
  ].join('');
}
