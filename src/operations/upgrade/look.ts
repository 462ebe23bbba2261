/** Looks at a cluster that is to be upgraded. Writes nothing. */

import { clientCredentials } from '../../clients/credentials.ts';
import { ApiError, kubernetesClient } from '../../clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import type { KubernetesObject, ListObject } from '../../clients/kubernetes/objects.ts';
import { messageOf } from '../../errors.ts';
import { urlHost } from '../../formats/cidr.ts';
import { deprecatedRequests } from '../../observe/deprecated-apis.ts';
import type { DeprecatedRequest } from '../../observe/deprecated-apis.ts';
import { readEtcd } from '../../observe/etcd-members.ts';
import { readNodes } from '../../observe/nodes.ts';
import { apiPort } from '../../plan/components/component.ts';
import { controlPlanesOf } from '../../plan/control-planes.ts';
import { adminCertificate } from '../../plan/pki.ts';
import { kindsWithoutSuccessor } from '../../plan/versions/removed-apis.ts';
import type { OpenCluster } from '../change/open-cluster.ts';
import type { Seen } from './problems.ts';

/** Milliseconds for each answer. */
const timeout = 5_000;

/** @param step versions of Kubernetes before and after; undefined: it stays */
export async function lookAtCluster(
  { session, manager, material, record: { plan } }: OpenCluster,
  step: { from: string; to: string } | undefined,
): Promise<Seen> {
  const { host } = session;
  const leaders = await Promise.all(plan.machines.map((machine) => manager.leader(machine)));
  const running = new Set(
    plan.machines.filter((_, index) => leaders[index] !== undefined).map(({ name }) => name),
  );
  const credentials = clientCredentials(material, adminCertificate);
  const withClient = async <T>(
    endpoint: string,
    use: (client: KubernetesClient) => Promise<T>,
  ): Promise<T> => {
    const client = kubernetesClient(endpoint, credentials, { timeout, via: host });
    try {
      return await use(client);
    } finally {
      client.close();
    }
  };
  const [etcd, api, requests, objects, storedVersions] = await Promise.all([
    readEtcd(plan, running, material, { timeout, via: host }),
    withClient(plan.endpoint, readNodes).then(
      (nodes) => ({ nodes }),
      (error: unknown) => ({ problem: messageOf(error) }),
    ),
    // each API server counts for itself; that one does not answer is told with its node
    Promise.all(
      controlPlanesOf(plan.machines)
        .filter(({ name }) => running.has(name))
        .map(({ address }) =>
          withClient(`https://${urlHost(address)}:${apiPort}`, deprecatedRequests).catch(
            (): DeprecatedRequest[] => [],
          ),
        ),
    ),
    withClient(plan.endpoint, (client) => countObjects(client, step)).catch(() => ({})),
    withClient(plan.endpoint, staleStoredVersions).catch(() => []),
  ]);
  const expected = plan.machines.map(({ name }) => name);
  return { etcd, api, expected, requests: requests.flat(), objects, storedVersions };
}

async function countObjects(
  client: KubernetesClient,
  step: { from: string; to: string } | undefined,
): Promise<Record<string, number>> {
  const kinds = step ? kindsWithoutSuccessor(step.from, step.to) : [];
  const counted = await Promise.all(
    kinds.flatMap(({ group, version, resources }) =>
      resources.map(async (resource): Promise<[string, number]> => {
        const path = `/apis/${group}/${version}/${resource}`;
        const { items = [] } = await unlessUnknown(client.get<ListObject<KubernetesObject>>(path), {
          items: [],
        });
        return [resource, items.length];
      }),
    ),
  );
  return Object.fromEntries(counted);
}

interface Definition extends KubernetesObject {
  spec?: { versions?: { name: string }[] };
  status?: { storedVersions?: string[] };
}

async function staleStoredVersions(client: KubernetesClient): Promise<Seen['storedVersions']> {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const { items = [] } = await client.get<ListObject<Definition>>(path);
  return items.flatMap(({ metadata, spec, status }) => {
    const there = new Set((spec?.versions ?? []).map(({ name }) => name));
    const stale = (status?.storedVersions ?? []).filter((name) => !there.has(name));
    return stale.length === 0 ? [] : [{ name: metadata?.name ?? '', versions: stale }];
  });
}

async function unlessUnknown<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return otherwise;
    throw error;
  }
}
