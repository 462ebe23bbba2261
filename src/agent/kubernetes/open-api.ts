import { readFile } from 'node:fs/promises';

import { thisProcess } from '../../clients/https.ts';
import { kubernetesClient } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';

/** How the API server is reached; files are PEM. */
export interface ApiAccess {
  /** https://ADDRESS:PORT */
  server: string;
  authority: string;
  certificate: string;
  key: string;
}

/** @throws Error when a file cannot be read */
export async function openApi({ server, authority, certificate, key }: ApiAccess): Promise<KubernetesClient> {
  const texts = [authority, certificate, key].map((path) => readFile(path, 'utf8'));
  const [ca = '', cert = '', own = ''] = await Promise.all(texts);
  return kubernetesClient(server, { ca, cert, key: own }, { via: thisProcess });
}
