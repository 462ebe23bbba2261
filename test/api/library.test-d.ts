/** The types of the library, as its users see them. Checked by the compiler: `npm run types`. */

/* eslint-disable @typescript-eslint/unbound-method -- nothing is called here */

import type { Readable, Writable } from 'node:stream';

import { describe, expectTypeOf, it } from 'vitest';

import type * as library from '../../src/api/index.ts';
import {
  createCluster,
  doctor,
  getCluster,
  InputError,
  isKnestError,
  listClusters,
  loadSpec,
  planCluster,
  randomName,
} from '../../src/api/index.ts';
import type {
  Check,
  Cluster,
  ClusterNode,
  ClusterPlan,
  ClusterSpec,
  ClusterStatus,
  ClusterSummary,
  CreateClusterOptions,
  ErrorCode,
  ErrorKind,
  ExecResult,
  Listener,
  LoadedImage,
  NodeRole,
  Problem,
  HostProcess,
  StepEvent,
  StepId,
  ExecError,
  KnestError,
} from '../../src/api/index.ts';
import { useCluster } from '../../src/api/vitest.ts';

declare const cluster: Cluster;
declare const node: ClusterNode;

describe('the functions', () => {
  it('are these', () => {
    expectTypeOf<keyof typeof library>().toEqualTypeOf<
      | 'CommandError'
      | 'createCluster'
      | 'doctor'
      | 'ExecError'
      | 'getCluster'
      | 'InputError'
      | 'isKnestError'
      | 'KnestError'
      | 'listClusters'
      | 'loadSpec'
      | 'planCluster'
      | 'randomName'
    >();
  });

  it('give handles and results', () => {
    expectTypeOf(createCluster).returns.resolves.toEqualTypeOf<Cluster>();
    expectTypeOf(createCluster).toBeCallableWith();
    expectTypeOf(getCluster).returns.resolves.toEqualTypeOf<Cluster>();
    expectTypeOf(getCluster).parameter(0).toEqualTypeOf<string>();
    expectTypeOf(listClusters).returns.resolves.toEqualTypeOf<ClusterSummary[]>();
    expectTypeOf(planCluster).returns.resolves.toHaveProperty('plan').toEqualTypeOf<ClusterPlan>();
    expectTypeOf(doctor).returns.resolves.toEqualTypeOf<Check[]>();
    expectTypeOf(randomName).returns.toEqualTypeOf<string>();
    expectTypeOf(useCluster).returns.toEqualTypeOf<Cluster>();
    expectTypeOf(useCluster).toBeCallableWith({ workers: 1, reuse: true, logLines: 5 });
  });
});

describe('the options', () => {
  it('say what a cluster is to be', () => {
    expectTypeOf(createCluster).toBeCallableWith({ name: 'a', workers: 1, kubernetesVersion: 'v1.20.2' });
    expectTypeOf(createCluster).toBeCallableWith({ config: 'cluster.yaml', controlPlanes: 3, nodes: 5 });
    expectTypeOf(createCluster).toBeCallableWith({ config: { network: { ipFamily: 'dual' } } });
    expectTypeOf(createCluster).toBeCallableWith({ spec: loadSpec({ flags: {} }).spec });
    expectTypeOf<{ spec: ClusterSpec; wait: number; keep: boolean }>().toExtend<CreateClusterOptions>();
  });

  it('refuse what is none', () => {
    // @ts-expect-error what loadSpec gives is more than the spec
    void createCluster({ spec: loadSpec({ flags: {} }) });
    // @ts-expect-error either fields or a spec
    void createCluster({ spec: loadSpec({ flags: {} }).spec, name: 'a' });
    // @ts-expect-error a number and no text
    void createCluster({ workers: '1' });
    // @ts-expect-error no such family
    void createCluster({ config: { network: { ipFamily: 'ipv5' } } });
    // @ts-expect-error no such option
    void createCluster({ worker: 1 });
    // @ts-expect-error the cluster's role of nodes has two words
    void cluster.addNodes({ role: 'control' });
  });
});

describe('the handles', () => {
  it('can be used with "await using"', () => {
    expectTypeOf<Cluster>().toExtend<AsyncDisposable>();
  });

  it('a cluster', () => {
    expectTypeOf(cluster.exec).returns.resolves.toEqualTypeOf<ExecResult>();
    expectTypeOf(cluster.exec).toBeCallableWith('worker', ['true'], {
      input: 'x',
      timeout: 1,
      reject: false,
    });
    expectTypeOf(cluster.exec).toBeCallableWith({ role: 'worker' }, ['true'], {
      signal: AbortSignal.timeout(1),
      onLine: (line, stream) => {
        expectTypeOf(line).toEqualTypeOf<string>();
        expectTypeOf(stream).toEqualTypeOf<'stdout' | 'stderr'>();
      },
    });
    expectTypeOf(cluster.exec).toBeCallableWith(node, ['true']);
    expectTypeOf(cluster.kubectl).returns.resolves.toEqualTypeOf<ExecResult>();
    expectTypeOf(cluster.spawn).returns.resolves.toEqualTypeOf<HostProcess>();
    expectTypeOf(cluster.nodes).returns.resolves.toEqualTypeOf<ClusterNode[]>();
    expectTypeOf(cluster.node).returns.resolves.toEqualTypeOf<ClusterNode>();
    expectTypeOf(cluster.load).returns.resolves.toEqualTypeOf<LoadedImage[]>();
    expectTypeOf(cluster.load).toBeCallableWith(['a.tar', 'b.tar'], { nodes: ['worker', node] });
    expectTypeOf(cluster.load).parameter(0).toEqualTypeOf<string | Readable | readonly string[]>();
    expectTypeOf(cluster.addNodes).returns.resolves.toEqualTypeOf<ClusterNode[]>();
    expectTypeOf(cluster.deleteNodes).toBeCallableWith([node, 'worker2'], { force: true });
    expectTypeOf(cluster.deleteNodes).toBeCallableWith('worker');
    expectTypeOf(cluster.status).returns.resolves.toEqualTypeOf<ClusterStatus>();
    expectTypeOf(cluster.logs).returns.resolves.toEqualTypeOf<string>();
    expectTypeOf(cluster.kubeconfigText).returns.resolves.toEqualTypeOf<string>();
    expectTypeOf(cluster.delete).returns.resolves.toBeVoid();
    expectTypeOf<
      Pick<Cluster, 'name' | 'context' | 'endpoint' | 'kubernetesVersion' | 'kubeconfig'>
    >().toEqualTypeOf<{
      readonly name: string;
      readonly context: string;
      readonly endpoint: string;
      readonly kubernetesVersion: string;
      readonly kubeconfig: string;
    }>();
  });

  it('a node, a result, a process', () => {
    expectTypeOf(node.role).toEqualTypeOf<NodeRole>();
    expectTypeOf(node.exec).returns.resolves.toEqualTypeOf<ExecResult>();
    expectTypeOf(node.stop).toBeCallableWith({ force: true });
    expectTypeOf<ExecResult>().toEqualTypeOf<{
      where: string;
      argv: readonly string[];
      exitCode: number;
      stdout: string;
      stderr: string;
      durationMs: number;
      timedOut: boolean;
    }>();
    expectTypeOf<HostProcess>().toHaveProperty('stdin').toEqualTypeOf<Writable>();
    expectTypeOf<HostProcess>().toHaveProperty('stdout').toEqualTypeOf<Readable>();
    expectTypeOf<HostProcess>().toHaveProperty('exited').toEqualTypeOf<Promise<number>>();
  });
});

describe('events', () => {
  it('are told apart by their type, and steps by their ids', () => {
    expectTypeOf<Listener>().toEqualTypeOf<(event: StepEvent) => void>();
    const listener: Listener = (event) => {
      if (event.type === 'note') {
        expectTypeOf(event).toEqualTypeOf<{ type: 'note'; level: 'info' | 'warning'; message: string }>();
        return;
      }
      expectTypeOf(event.id).toEqualTypeOf<StepId>();
      if (event.type === 'done') expectTypeOf(event.seconds).toEqualTypeOf<number>();
      if (event.type === 'failed') expectTypeOf(event.error).toEqualTypeOf<unknown>();
      if (event.id === 'ready') expectTypeOf(event.id).toEqualTypeOf<'ready'>();
      // @ts-expect-error no step has this id
      if (event.id === 'raedy') return;
    };
    expectTypeOf<CreateClusterOptions['listener']>().toEqualTypeOf<Listener | undefined>();
    expectTypeOf(createCluster).toBeCallableWith({ listener });
    expectTypeOf<'machine/demo-worker'>().toExtend<StepId>();
    expectTypeOf<'machines/demo-worker'>().not.toExtend<StepId>();
  });
});

describe('errors', () => {
  it('are told apart by class and by kind', () => {
    const error: unknown = undefined;
    if (isKnestError(error)) {
      expectTypeOf(error).toEqualTypeOf<KnestError>();
      expectTypeOf(error.kind).toEqualTypeOf<ErrorKind>();
      expectTypeOf(error.hint).toEqualTypeOf<string | undefined>();
      expectTypeOf(error.details).toEqualTypeOf<readonly string[]>();
    }
    if (isKnestError(error, 'notFound')) expectTypeOf(error.kind).toEqualTypeOf<'notFound'>();
    if (error instanceof InputError) expectTypeOf(error.problems).toEqualTypeOf<readonly Problem[]>();
    if (isKnestError(error, 'NODE_NOT_FOUND')) expectTypeOf(error.code).toEqualTypeOf<'NODE_NOT_FOUND'>();
    if (isKnestError(error)) expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
    // @ts-expect-error no such kind
    isKnestError(error, 'notThere');
  });

  it('that of a program is its result as well', () => {
    expectTypeOf<ExecError>().toExtend<ExecResult>();
    expectTypeOf<ExecError>().toExtend<KnestError>();
  });
});
