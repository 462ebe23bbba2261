/** Volumes where there is more than one node: each is on one of them, survives its restart, and goes with it. */

import { readdir } from 'node:fs/promises';

import { expect, it } from 'vitest';

import { busyboxArchive, busyboxImage } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-volumes';
const controlPlane = `${name}-control-plane`;
const worker = `${name}-worker`;

describeScenario('volumes of several nodes', { story: true }, (scenario) => {
  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const apply = (...items: object[]) =>
    scenario.kubectl(name, ['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    });
  const directoriesOf = (node: string) => readdir(`${scenario.state}/machines/${node}/data/knest-volumes`);
  const volumeOf = (claim: string) => kubectl('get', 'pvc', claim, '-o', 'jsonpath={.spec.volumeName}');
  const nodeOfVolume = async (claim: string) => {
    const term = '.spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]';
    return kubectl('get', 'pv', await volumeOf(claim), '-o', `jsonpath={${term}}`);
  };
  const bound = (...claims: string[]) =>
    eventually(`${claims.join(', ')} are bound`, async () => {
      const phases = await kubectl('get', 'pvc', ...claims, '-o', 'jsonpath={..status.phase}');
      expect(phases.trim()).toBe(claims.map(() => 'Bound').join(' '));
    });
  /** What the pods of the StatefulSet find in their volumes. */
  const contents = () =>
    eventually(
      'both pods answer',
      () => Promise.all(['store-0', 'store-1'].map((one) => kubectl('exec', one, '--', 'cat', '/data/file'))),
      90_000,
    );

  it('two nodes that take pods, and a StatefulSet with a pod and a volume on each', async () => {
    const nodes = '[{ role: control-plane, taints: [] }, { role: worker }]';
    const input = `apiVersion: knest.dev/v1alpha1\nkind: Cluster\nname: ${name}\nnodes: ${nodes}\n`;
    await scenario.ok(['create', 'cluster', '--config', '-'], { input });
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    await apply(statefulSet());
    await kubectl('rollout', 'status', 'statefulset/store', '--timeout=120s');
    for (const one of ['store-0', 'store-1'])
      await kubectl('exec', one, '--', 'sh', '-c', `echo of ${one} > /data/file && sync`);
    for (const node of [controlPlane, worker]) expect(await directoriesOf(node), node).toHaveLength(1);
  });

  it('a class that waits for no pod: volumes at once, on nodes that take pods', async () => {
    await kubectl('cordon', controlPlane);
    const claims = ['early-0', 'early-1', 'early-2'];
    await apply(atOnce, ...claims.map(claim));
    await bound(...claims);
    for (const one of claims) {
      expect(await nodeOfVolume(one)).toBe(worker);
      expect(await directoriesOf(worker)).toContain(`${await volumeOf(one)}_default_${one}`);
    }
    await kubectl('uncordon', controlPlane);
    await kubectl('cordon', worker);
    await apply(claim('late'));
    await bound('late');
    expect(await nodeOfVolume('late')).toBe(controlPlane);
    await kubectl('uncordon', worker);
  });

  it('with no node that takes pods: the claim waits, and says why', async () => {
    await kubectl('cordon', controlPlane, worker);
    await apply(claim('waiting'));
    await eventually('it says why', async () => {
      expect(await kubectl('describe', 'pvc', 'waiting')).toContain('no node that takes pods is ready');
    });
    await kubectl('uncordon', controlPlane, worker);
    await bound('waiting');
  });

  it('keeps data when a node is restarted, and when the cluster is stopped and started', async () => {
    await scenario.ok(['restart', 'node', worker]);
    expect(await contents()).toEqual(['of store-0', 'of store-1']);
    await scenario.ok(['stop', 'cluster', '--name', name]);
    await scenario.ok(['start', 'cluster', '--name', name]);
    expect(await contents()).toEqual(['of store-0', 'of store-1']);
  });

  it('frees the disk of the right node when a claim is deleted', async () => {
    const before = await directoriesOf(worker);
    const gone = `${await volumeOf('early-0')}_default_early-0`;
    await kubectl('delete', 'pvc', 'early-0');
    await eventually('its directory is gone', async () => {
      expect(await directoriesOf(worker)).toEqual(before.filter((one) => one !== gone));
    });
  });

  it('delete node: says whose data goes, and a claim made again gets a new volume', async () => {
    const lost = (await nodeOfVolume('data-store-0')) === worker ? 'store-0' : 'store-1';
    const released = await volumeOf('early-1');
    const { exitCode, stderr } = await scenario.knest(['delete', 'node', worker]);
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain(`default/data-${lost}`);
    await kubectl('delete', 'pvc', `data-${lost}`, 'early-1', 'early-2', '--wait=false');
    await kubectl('delete', 'pod', lost, '--wait=false');
    await eventually('its volume is gone', async () => {
      expect(await kubectl('get', 'pv', '-o', 'name')).not.toContain(released);
    });
    await eventually(
      'the pod runs again, with an empty volume',
      async () => {
        expect(await kubectl('exec', lost, '--', 'ls', '/data')).toBe('');
      },
      90_000,
    );
    expect(await nodeOfVolume(`data-${lost}`)).toBe(controlPlane);
  });

  it('deleting all claims leaves no file', async () => {
    await kubectl('delete', 'statefulset', 'store');
    await kubectl('delete', 'pvc', '--all');
    await eventually('nothing is left', async () => {
      expect(await kubectl('get', 'pv', '-o', 'name')).toBe('');
      expect(await directoriesOf(controlPlane)).toEqual([]);
    });
  });

  it('leaves nothing behind', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});

const atOnce = {
  ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'at-once' } },
  ...{ provisioner: 'knest.dev/local-path', volumeBindingMode: 'Immediate' },
};

const request = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };

function claim(claimName: string) {
  return {
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: claimName } },
    spec: { ...request, storageClassName: 'at-once' },
  };
}

/** Its pods stay apart as long as there are two nodes. */
function statefulSet() {
  const labels = { app: 'store' };
  const apart = { labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' };
  return {
    ...{ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'store' } },
    spec: {
      ...{ serviceName: 'store', replicas: 2, podManagementPolicy: 'Parallel' },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          affinity: {
            podAntiAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: apart }],
            },
          },
          containers: [
            {
              ...{ name: 'main', image: busyboxImage, imagePullPolicy: 'Never' },
              command: ['sleep', '1000000'],
              volumeMounts: [{ name: 'data', mountPath: '/data' }],
            },
          ],
        },
      },
      volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: request }],
    },
  };
}
