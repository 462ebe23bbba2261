import { clientCredentials } from '../clients/credentials.ts';
import type { ConnectionOptions } from '../clients/https.ts';
import { kubernetesClient } from '../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../clients/kubernetes/client.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { adminCertificate } from '../plan/pki.ts';

/**
 * Something is asked of a cluster's API, or done by it, with the administrator's certificate; the connection ends with it.
 * @param endpoint https://ADDRESS:PORT
 * @throws KnestError when the key material lacks that certificate, and what the work throws
 */
export async function withAdminClient<T>(
  endpoint: string,
  material: KeyMaterial,
  options: ConnectionOptions,
  use: (client: KubernetesClient) => Promise<T>,
): Promise<T> {
  const client = kubernetesClient(endpoint, clientCredentials(material, adminCertificate), options);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}
