import { requireMaterial } from '../pki/issue.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import type { Credentials } from './https.ts';

/**
 * What a client of a cluster proves itself with.
 * @param certificate name of the client's certificate
 * @param authority name of the certificate that must have signed the server's
 * @throws KnestError when the cluster's key material lacks one of them
 */
export function clientCredentials(material: KeyMaterial, certificate: string, authority = 'ca'): Credentials {
  return {
    ca: requireMaterial(material, `${authority}.crt`),
    cert: requireMaterial(material, `${certificate}.crt`),
    key: requireMaterial(material, `${certificate}.key`),
  };
}
