import { thisProcess } from '../../clients/https.ts';
import { kubernetesClient } from '../../clients/kubernetes/client.ts';
import { followCredentials } from './follow-credentials.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';

/** How the API server is reached; files are PEM. */
export interface ApiAccess {
  /** https://ADDRESS:PORT */
  server: string;
  authority: string;
  certificate: string;
  key: string;
}

/** Goes on with the certificate that the files hold, also when it is renewed. @throws Error when a file cannot be read */
export async function openApi(access: ApiAccess): Promise<KubernetesClient> {
  return kubernetesClient(access.server, await followCredentials(access), { via: thisProcess });
}
