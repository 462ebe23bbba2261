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

/** A cluster, a user and a context of each; of a single one, the current context. client-go's `clientcmd/api/v1`. */
export function kubeconfigObject(...inputs: readonly KubeconfigInput[]) {
  const [only, ...others] = inputs;
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: inputs.map(({ name, server, authority }) => ({
      name,
      cluster: { server, ...material('certificate-authority', authority) },
    })),
    users: inputs.map(({ name, certificate, key }) => ({
      name,
      user: { ...material('client-certificate', certificate), ...material('client-key', key) },
    })),
    contexts: inputs.map(({ name }) => ({ name, context: { cluster: name, user: name } })),
    'current-context': only && others.length === 0 ? only.name : '',
  };
}

export function renderKubeconfig(...inputs: readonly KubeconfigInput[]): string {
  return stringify(kubeconfigObject(...inputs), { lineWidth: 0 });
}

function material(name: string, from: { file: string } | { pem: string }): Record<string, string> {
  return 'file' in from
    ? { [name]: from.file }
    : { [`${name}-data`]: Buffer.from(from.pem).toString('base64') };
}
