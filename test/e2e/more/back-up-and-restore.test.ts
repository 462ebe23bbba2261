/** A cluster in one file: it is written while the cluster goes on, and makes the cluster again, also beside it. */

import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { deployment, service } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-backup';
const copy = 'e2e-copy';

describeScenario('back up and restore', { story: true }, (scenario) => {
  const kubectl = (cluster: string, ...args: string[]) => scenario.kubectl(cluster, args);
  const folder = () => join(scenario.folder, 'backups');
  const passphraseFile = () => join(scenario.folder, 'passphrase');
  let file = '';

  /** What must be there again, however the cluster is called. */
  const stateOf = async (cluster: string) => ({
    config: await kubectl(cluster, 'get', 'configmap', 'kept', '-o', 'jsonpath={.data.word}:{.metadata.uid}'),
    label: await kubectl(
      ...[cluster, 'get', 'node', `${cluster}-worker`, '-o', 'jsonpath={.metadata.labels.disk}'],
    ),
    claim: await kubectl(cluster, 'get', 'pvc', 'data', '-o', 'jsonpath={.status.phase}:{.spec.volumeName}'),
    volume: await kubectl(cluster, 'exec', 'deploy/store', '--', 'cat', '/data/word'),
  });
  const answers = (cluster: string) =>
    eventually('pods run again', () =>
      kubectl(cluster, 'rollout', 'status', 'deployment/store', 'deployment/web', '--timeout=60s'),
    );
  let before: Awaited<ReturnType<typeof stateOf>>;

  it('a cluster with objects and data is written into one file', async () => {
    await scenario.ok(['create', 'cluster', '--name', name, '--nodes', '2']);
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    await kubectl(name, 'create', 'configmap', 'kept', '--from-literal=word=objects');
    await kubectl(name, 'label', 'node', `${name}-worker`, 'disk=fast');
    await scenario.kubectl(name, ['apply', '-f', '-'], { input: JSON.stringify(workload) });
    for (const each of ['store', 'web'])
      await kubectl(name, 'rollout', 'status', `deployment/${each}`, '--timeout=120s');
    await kubectl(name, 'exec', 'deploy/store', '--', 'sh', '-c', 'echo data > /data/word && sync');
    before = await stateOf(name);
    expect(before).toMatchObject({ label: 'fast', volume: 'data' });
    await writeFile(passphraseFile(), 'correct horse\n');
    const keys = ['--passphrase-file', passphraseFile()];
    const said = await scenario.ok(['backup', 'create', name, '--to', folder(), '--volumes', ...keys]);
    file = said.trim();
    expect(await readdir(folder())).toHaveLength(1);
    expect(await scenario.ok(['backup', 'list', '--from', folder(), '-o', 'name'])).toContain(name);
  });

  it('the file is found whole, and only with its passphrase', async () => {
    const keys = ['--passphrase-file', passphraseFile()];
    const verified = JSON.parse(await scenario.ok(['backup', 'verify', file, ...keys, '-o', 'json'])) as {
      keys: number;
      kinds: Record<string, number>;
      about: { etcd: { keys: number } };
    };
    expect(verified.keys).toBeGreaterThanOrEqual(verified.about.etcd.keys);
    expect(verified.kinds['minions']).toBe(2);
    expect((await scenario.knest(['backup', 'verify', file])).exitCode).toBe(2);
  });

  it('under another name it stands beside the one that it was taken of', async () => {
    const keys = ['--passphrase-file', passphraseFile()];
    await scenario.ok(['backup', 'restore', file, '--name', copy, ...keys]);
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', copy]);
    await answers(copy);
    expect(await stateOf(copy)).toEqual(before);
    const addresses = async (cluster: string) =>
      (await kubectl(cluster, 'get', 'service', 'web', '-o', 'jsonpath={.spec.clusterIP}')).split('.');
    // the same place in another subnet
    expect((await addresses(copy)).at(-1)).toBe((await addresses(name)).at(-1));
    expect(await kubectl(copy, 'get', 'nodes', '-o', 'name')).not.toContain(name);
    expect(await stateOf(name)).toEqual(before);
    await scenario.ok(['delete', 'cluster', '--name', copy]);
  });

  it('when it is gone, it is made again', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    const keys = ['--passphrase-file', passphraseFile()];
    await scenario.ok(['backup', 'restore', file, ...keys]);
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    await answers(name);
    expect(await stateOf(name)).toEqual(before);
    await kubectl(name, 'create', 'configmap', 'later', '--from-literal=a=b');
    await scenario.ok(['delete', 'cluster', '--name', name]);
  });
});

const store = deployment('store', 1, 'sleep 1000000');
const workload = {
  ...{ apiVersion: 'v1', kind: 'List' },
  items: [
    {
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' } },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } },
    },
    withVolume(store),
    deployment('web', 1, 'mkdir -p /www && hostname > /www/index.html && exec httpd -f -p 8080 -h /www'),
    service('web', 8080),
  ],
};

/** The deployment with the claim `data` at /data. */
function withVolume(object: ReturnType<typeof deployment>): object {
  const changed = structuredClone(object) as unknown as {
    spec: { template: { spec: { containers: object[]; volumes?: object[] } } };
  };
  const { spec } = changed.spec.template;
  spec.volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }];
  spec.containers = spec.containers.map((container) => ({
    ...container,
    volumeMounts: [{ name: 'data', mountPath: '/data' }],
  }));
  return changed;
}
