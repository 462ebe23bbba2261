import { expect, it } from 'vitest';

import { deleteVolumesOf } from '../../../src/operations/nodes/lost-volumes.ts';
import { ApiError } from '../../../src/clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../../src/clients/kubernetes/client.ts';

function volume(name: string, node: string, phase: string, provisioner = 'knest.dev/local-path') {
  return {
    metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
    spec: {
      claimRef: { namespace: 'shop', name: `claim-${name}` },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
          ],
        },
      },
    },
    status: { phase },
  };
}

function client(items: unknown[], deleted: string[]): Pick<KubernetesClient, 'get' | 'delete'> {
  return {
    get: <T>() => Promise.resolve({ items } as T),
    delete: (path) => {
      deleted.push(path.replace('/api/v1/persistentvolumes/', ''));
      return path.endsWith('gone') ? Promise.reject(new ApiError(404, 'not found')) : Promise.resolve();
    },
  };
}

it('deletes the volumes of the node alone, and tells whose data that was', async () => {
  const deleted: string[] = [];
  const items = [
    volume('bound', 'one', 'Bound'),
    volume('released', 'one', 'Released'),
    volume('gone', 'one', 'Bound'),
    volume('elsewhere', 'two', 'Bound'),
    volume('foreign', 'one', 'Bound', 'rancher.io/local-path'),
    { metadata: { name: 'by-hand' }, spec: {} },
  ];
  const claims = await deleteVolumesOf(client(items, deleted), 'one');
  expect(deleted.sort()).toEqual(['bound', 'gone', 'released']);
  expect(claims).toEqual(['shop/claim-bound', 'shop/claim-gone']);
});
