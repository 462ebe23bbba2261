/** Metrics without an image from anywhere: top shows them, autoscalers act by them, and a metrics-server takes their place. */

import { expect, it } from 'vitest';

import type { ClusterOverview } from '../../../src/operations/types.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { deployment, pod, service } from '../support/manifests.ts';
import { startMetricsServer, stopMetricsServer } from '../support/metrics-server.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-metrics';
const node = `${name}-control-plane`;
const nodes = [node, `${name}-worker`];
const api = '/apis/metrics.k8s.io/v1beta1';

/** As long as the switch serves the file, computes in a shell; else sleeps. */
const work =
  'while :; do if wget -qO /dev/null http://switch/busy; then i=0; while [ $i -lt 50000 ]; do i=$((i+1)); done; else sleep 1; fi; done';
const serve = 'mkdir -p /www; touch /www/busy; exec httpd -f -p 8080 -h /www';

describeScenario('scale by load', { story: true }, (scenario) => {
  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const apply = (...items: object[]) =>
    scenario.kubectl(name, ['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    });
  const answeredBy = () =>
    kubectl('get', 'apiservice', 'v1beta1.metrics.k8s.io', '-o', 'jsonpath={.spec.service.name}');
  const replicas = async () =>
    Number(await kubectl('get', 'deployment', 'load', '-o', 'jsonpath={.spec.replicas}'));

  it('is created with an autoscaler that does not wait for minutes', async () => {
    const config = {
      ...{ apiVersion: 'knest.dev/v1alpha1', kind: 'Cluster', name },
      nodes: [{ role: 'control-plane' }, { role: 'worker' }],
      components: {
        kubeControllerManager: {
          extraArgs: {
            'horizontal-pod-autoscaler-sync-period': '5s',
            'horizontal-pod-autoscaler-downscale-stabilization': '10s',
          },
        },
      },
    };
    await scenario.ok(['create', 'cluster', '--config', '-'], { input: JSON.stringify(config) });
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
  });

  it('top shows the nodes', async () => {
    await kubectl('wait', '--for=condition=Available', 'apiservice/v1beta1.metrics.k8s.io', '--timeout=60s');
    expect(await answeredBy()).toBe('knest-metrics');
    for (const each of nodes) {
      const shape = new RegExp(`^${each} +(\\d+)m +\\d+% +(\\d+)Mi +\\d+%`, 'm');
      const [cpu = 0, memory = 0] = await eventually(
        `top shows ${each}`,
        async () => {
          const shown = await kubectl('top', 'nodes');
          expect(shown).toMatch(shape);
          return (shape.exec(shown) ?? []).slice(1).map(Number);
        },
        60_000,
      );
      expect(cpu).toBeGreaterThan(0);
      expect(memory).toBeGreaterThan(10);
    }
  });

  it('top shows pods, of those that are selected, and their containers', async () => {
    const { template, ...spec } = deployment('load', 1, work).spec;
    const containers = template.spec.containers.map((container) => ({
      ...container,
      // the machine is needed by others, too
      resources: { requests: { cpu: '100m' }, limits: { cpu: '200m' } },
    }));
    const load = { ...template, spec: { ...template.spec, containers } };
    await apply(pod('switch', serve), service('switch', 8080), {
      ...deployment('load', 1, work),
      spec: { ...spec, template: load },
    });
    await kubectl('rollout', 'status', 'deployment/load', '--timeout=120s');
    await eventually(
      'top shows what the pod uses',
      async () => {
        const [cpu = 0] =
          /^load-\S+ +(\d+)m +\d+Mi *$/m
            .exec(await kubectl('top', 'pods', '-l', 'app=load'))
            ?.slice(1)
            .map(Number) ?? [];
        expect(cpu).toBeGreaterThan(100);
      },
      90_000,
    );
    expect(await kubectl('top', 'pods', '-l', 'app=load')).not.toContain('switch');
    expect(await kubectl('top', 'pods', '-A', '--containers', '--sort-by=cpu')).toMatch(
      /load-\S+ +main +\d+m/,
    );
    expect(await kubectl('get', 'podmetrics')).toContain('switch');
    expect(await kubectl('explain', 'podmetrics')).toContain('What the containers of a pod use');
  });

  it('knest top shows the same in one picture', async () => {
    const text = await scenario.ok(['top', '--name', name, '-o', 'json']);
    const { measured, nodes: shown, pods } = JSON.parse(text) as ClusterOverview;
    expect(measured).toBe(true);
    for (const { status, used, units } of shown) {
      expect(status).toBe('Ready');
      expect(used.cpu).toBeGreaterThan(0);
      expect(units.active).toBe(units.total);
    }
    expect(pods.find((one) => one.name.startsWith('load-'))?.cpu).toBeGreaterThan(0.1);
  });

  it('an autoscaler scales up under load, and down after it', async () => {
    await apply({
      ...{ apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', metadata: { name: 'load' } },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'load' },
        ...{ minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
      },
    });
    await eventually(
      'there are three',
      async () => {
        expect(await replicas()).toBe(3);
      },
      120_000,
    );
    await kubectl('exec', 'switch', '--', 'rm', '/www/busy');
    await eventually(
      'there is one again',
      async () => {
        expect(await replicas()).toBe(1);
      },
      180_000,
    );
  });

  it('lets those read who may read pods, and nobody past the API server', async () => {
    const jane = (...args: string[]) =>
      scenario.knest(['kubectl', '--name', name, '--', ...args, '--as=jane']);
    const pods = `${api}/namespaces/default/pods`;
    expect((await jane('get', '--raw', pods)).exitCode).not.toBe(0);
    await kubectl('create', 'rolebinding', 'jane', '--clusterrole=view', '--user=jane');
    await eventually('jane may', async () => {
      expect((await jane('get', '--raw', pods)).stdout).toContain('PodMetricsList');
    });
    expect((await jane('get', '--raw', `${api}/nodes`)).exitCode).not.toBe(0);
    const pki = '/etc/kubernetes/pki';
    const curl = ['exec', node, '--', 'curl', '-sk', '-H', 'X-Remote-User: kubernetes-admin'];
    for (const identity of [[], ['--cert', `${pki}/admin.crt`, '--key', `${pki}/admin.key`]]) {
      const direct = await scenario.knest([...curl, ...identity, `https://127.0.0.1:10264${api}/nodes`]);
      expect(direct.exitCode).not.toBe(0);
      expect(direct.stdout).not.toContain('NodeMetrics');
    }
  });

  it('steps aside for a metrics-server, also when everything is started again', async () => {
    await startMetricsServer(scenario, name, node);
    expect(await answeredBy()).toBe('metrics');
    await scenario.ok([
      'exec',
      node,
      '--',
      'systemctl',
      'restart',
      'knest-objects',
      'knest-agent',
      'kube-apiserver',
    ]);
    await eventually('everything is ready again', async () => {
      expect(await scenario.ok(['status', 'cluster', '--name', name])).toContain(
        'knest-agent knows the cluster',
      );
    });
    expect(await answeredBy()).toBe('metrics');
  });

  it('comes back when it is gone', async () => {
    await stopMetricsServer(scenario, name, node);
    await eventually('the agent answers', async () => {
      expect(await answeredBy()).toBe('knest-metrics');
    });
    await eventually(
      'top shows nodes',
      async () => {
        expect(await kubectl('top', 'nodes')).toContain(node);
      },
      60_000,
    );
    expect(await scenario.ok(['status', 'cluster', '--name', name])).not.toContain('metrics.k8s.io');
  });

  it('leaves nothing behind', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
