/** What of its API a cluster's users ask for although it is to go: the API servers count it themselves. */

import type { KubernetesClient } from '../clients/kubernetes/client.ts';

/** An API that somebody has asked an API server for since it started. */
export interface DeprecatedRequest {
  /** "" is the core group. */
  group: string;
  version: string;
  resource: string;
  /** The first version of Kubernetes without it, "1.25"; undefined: none was announced. */
  removedIn: string | undefined;
}

const metric = 'apiserver_requested_deprecated_apis';

/** Each once. @param client of one API server: each counts for itself */
export async function deprecatedRequests(
  client: Pick<KubernetesClient, 'get'>,
): Promise<DeprecatedRequest[]> {
  return parseDeprecatedRequests(await client.get<string>('/metrics'));
}

/** @param text in Prometheus' text format */
export function parseDeprecatedRequests(text: string): DeprecatedRequest[] {
  const found = text.split('\n').flatMap((line): DeprecatedRequest[] => {
    if (!line.startsWith(`${metric}{`)) return [];
    const labels = Object.fromEntries(
      [...line.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map(([, name = '', value = '']) => [name, value]),
    );
    const { group = '', version = '', resource = '', removed_release: removedIn } = labels;
    // 1 while it was asked for
    if (/\s0$/.test(line)) return [];
    return [{ group, version, resource, removedIn: removedIn === '' ? undefined : removedIn }];
  });
  // subresources of it are the same to whoever has to change something
  return [...new Map(found.map((one) => [`${one.group}/${one.version}/${one.resource}`, one])).values()];
}
