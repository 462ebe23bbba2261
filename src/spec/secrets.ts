/** Secrets of a spec: a plan has their names only; their values are written into the files of machines. */

import type { ClusterSpec } from './types.ts';

/** The placeholder of a secret in the text of a planned file. */
export function secretMark(name: string): string {
  return `<secret ${name}>`;
}

/** Name of a registry's password. */
export function registrySecret(host: string): string {
  return `password of ${host}`;
}

/** Name of what a registry is told of who asks, as in a header: user and password in one. */
export function authorizationSecret(host: string): string {
  return `authorization for ${host}`;
}

export const proxySecrets = { http: 'proxy for http', https: 'proxy for https' } as const;

/** A spec with the placeholders of its secrets, and their names. */
export function withoutSecrets(spec: ClusterSpec): { spec: ClusterSpec; secrets: string[] } {
  const { proxy, registries } = spec;
  const marked = (scheme: 'http' | 'https'): string | undefined =>
    proxy?.[scheme] === undefined ? undefined : secretMark(proxySecrets[scheme]);
  return {
    spec: {
      ...spec,
      proxy: proxy && { ...proxy, http: marked('http'), https: marked('https') },
      registries: registries?.map((one) => ({
        ...one,
        credentials: one.credentials && {
          ...one.credentials,
          password: secretMark(registrySecret(one.host)),
        },
      })),
    },
    secrets: [
      ...(proxy?.http === undefined ? [] : [proxySecrets.http]),
      ...(proxy?.https === undefined ? [] : [proxySecrets.https]),
      ...(registries ?? []).flatMap(({ host, credentials }) => (credentials ? [registrySecret(host)] : [])),
    ],
  };
}

/** Values by name, as they stand within double quotes: with \" and \\. */
export function secretsOf({
  registries,
  proxy,
}: Partial<Pick<ClusterSpec, 'registries' | 'proxy'>>): Map<string, string> {
  const passwords = (registries ?? []).flatMap(({ host, credentials }): [string, string][] =>
    credentials
      ? [
          [registrySecret(host), credentials.password],
          [authorizationSecret(host), `Basic ${base64(credentials)}`],
        ]
      : [],
  );
  const proxies = (['http', 'https'] as const).flatMap((scheme): [string, string][] =>
    proxy?.[scheme] === undefined ? [] : [[proxySecrets[scheme], proxy[scheme]]],
  );
  return new Map(
    [...passwords, ...proxies].map(([name, value]) => [name, value.replaceAll(/["\\]/g, '\\$&')]),
  );
}

/** RFC 7617, in UTF-8. */
function base64({ username, password }: { username: string; password: string }): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}
