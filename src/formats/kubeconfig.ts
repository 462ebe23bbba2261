import { stringify } from 'yaml';

/** What a kubeconfig needs to know: with file names (inside a machine) or with the material itself (for users). */
export interface KubeconfigInput {
  /** Name of the cluster, of the user and of the context alike, as kind names them. */
  name: string;
  server: string;
  authority: { file: string } | { pem: string };
  certificate: { file: string } | { pem: string };
  key: { file: string } | { pem: string };
}

/** One cluster, one user, one context; current. Kubernetes' client-go `clientcmd/api/v1`. */
export function kubeconfigObject(input: KubeconfigInput) {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: input.name,
        cluster: { server: input.server, ...material('certificate-authority', input.authority) },
      },
    ],
    users: [
      {
        name: input.name,
        user: { ...material('client-certificate', input.certificate), ...material('client-key', input.key) },
      },
    ],
    contexts: [{ name: input.name, context: { cluster: input.name, user: input.name } }],
    'current-context': input.name,
  };
}

export function renderKubeconfig(input: KubeconfigInput): string {
  return stringify(kubeconfigObject(input), { lineWidth: 0 });
}

function material(name: string, from: { file: string } | { pem: string }): Record<string, string> {
  return 'file' in from
    ? { [name]: from.file }
    : { [`${name}-data`]: Buffer.from(from.pem).toString('base64') };
}
