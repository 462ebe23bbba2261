/** Manifests of the config: they are there when the cluster is, and again after a restart. */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-manifests';

const definition = {
  ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
  metadata: { name: 'widgets.example.test' },
  spec: {
    ...{ group: 'example.test', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' } },
    versions: [
      {
        ...{ name: 'v1', served: true, storage: true },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};

describeScenario('objects from the beginning', { story: true }, (scenario) => {
  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const write = (file: string, ...objects: object[]) =>
    writeFile(join(scenario.folder, file), objects.map((one) => JSON.stringify(one)).join('\n---\n'));

  it('what cannot be applied is refused before anything is made', async () => {
    await write('wrong.yaml', { kind: 'Pod' });
    const config = `apiVersion: knest.dev/v1alpha1\nkind: Cluster\nname: ${name}\nmanifests: [${scenario.folder}/wrong.yaml]\n`;
    const { exitCode, stderr } = await scenario.knest(['create', 'cluster', '--config', '-'], {
      input: config,
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('document 1: has no apiVersion');
    await scenario.expectCleanHost();
  });

  it('files and folders are applied, objects before their definitions as well', async () => {
    const widget = {
      apiVersion: 'example.test/v1',
      kind: 'Widget',
      metadata: { name: 'w', namespace: 'shop' },
    };
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
    const settings = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'settings' },
      data: { tea: 'green' },
    };
    await mkdir(join(scenario.folder, 'add-on'));
    await write('add-on/1.yaml', widget, namespace);
    await write('add-on/2.yaml', definition);
    await write('settings.yaml', settings);
    const list = `[${scenario.folder}/add-on, ${scenario.folder}/settings.yaml]`;
    const config = `apiVersion: knest.dev/v1alpha1\nkind: Cluster\nname: ${name}\nmanifests: ${list}\n`;
    await scenario.ok(['create', 'cluster', '--config', '-'], { input: config });
    expect(await kubectl('get', 'widget', 'w', '-n', 'shop', '-o', 'name')).toBe('widget.example.test/w');
    expect(await kubectl('get', 'configmap', 'settings', '-o', 'jsonpath={.data.tea}')).toBe('green');
  });

  it('are set again when the cluster starts, without the files', async () => {
    await rm(join(scenario.folder, 'settings.yaml'));
    await kubectl('delete', 'configmap', 'settings');
    await scenario.ok(['restart', 'cluster', '--name', name]);
    expect(await kubectl('get', 'configmap', 'settings', '-o', 'jsonpath={.data.tea}')).toBe('green');
  });

  it('leaves nothing behind', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
