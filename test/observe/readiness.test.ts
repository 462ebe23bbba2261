import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { localHost } from '../../src/host/local.ts';
import type { MachineManager } from '../../src/managers/types.ts';
import { memoryHost } from '../../src/host/memory.ts';
import { clientCredentials } from '../../src/clients/credentials.ts';
import { ApiError, kubernetesClient } from '../../src/clients/kubernetes/client.ts';
import type { KubernetesClient } from '../../src/clients/kubernetes/client.ts';
import { readNode, readNodes } from '../../src/observe/nodes.ts';
import { waitForNode, waitForNodes, waitForServiceAccount } from '../../src/observe/readiness.ts';
import { issuePki } from '../../src/pki/issue.ts';
import type { KeyMaterial } from '../../src/pki/issue.ts';
import type { ClusterPlan, MachinePlan } from '../../src/plan/types.ts';
import { machineOf, nodesOf, planOf } from '../fixtures/cluster.ts';
import { startApiServer } from '../fixtures/api-server.ts';
import type { ApiAnswer, ApiRequest, TestApiServer } from '../fixtures/api-server.ts';
import { fakeManager } from '../fixtures/machine-manager.ts';

const plan = planOf();
const machine = machineOf(plan);
const never = new AbortController().signal;
let material: KeyMaterial;
let answer: (request: ApiRequest) => ApiAnswer;
let server: TestApiServer;
let client: KubernetesClient;
let told: string[];

beforeAll(async () => {
  material = await issuePki(plan.pki, new Map(), new Date());
});

beforeEach(async () => {
  told = [];
  server = await startApiServer(material, (request) => answer(request));
  client = kubernetesClient(server.endpoint, clientCredentials(material, 'admin'), { via: localHost() });
});

afterEach(async () => {
  client.close();
  await server.close();
});

const missing: ApiAnswer = { status: 404, body: { message: 'not found' } };
const starting: ApiAnswer = { status: 403, body: { message: 'RBAC is not there yet' } };
const notReady = node([
  { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message: 'no network yet' },
]);
const ready = node([{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' }]);

describe('a node whose user brings the network', () => {
  const lacks = (message: string) =>
    node([{ type: 'Ready', status: 'False', reason: 'KubeletNotReady', message }]);
  const noNetwork =
    'runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized';

  it('has come as far as it can when it lacks nothing else', async () => {
    answer = inOrder(notReady, lacks(`[PLEG is not healthy, ${noNetwork}]`), lacks(noNetwork));
    await wait({ withoutNetwork: true });
    expect(told.at(-1)).toContain('PLEG is not healthy');
  });

  it('is not Ready where the network is knest’s business', async () => {
    answer = () => lacks(noNetwork);
    await expect(wait({ timeout: 200 })).rejects.toMatchObject({ kind: 'notReady' });
  });
});

describe('waitForNode', () => {
  it('follows a node from nothing to Ready', async () => {
    answer = inOrder(starting, missing, node([]), node([]), notReady, notReady, ready);
    await wait();
    expect(told).toEqual([
      'API server is starting',
      'API server is up, kubelet has not registered',
      'node has registered',
      'node has no conditions yet',
      'no network yet',
    ]);
  });

  it('tells once that the node is there, before it counts as ready', async () => {
    answer = inOrder(missing, missing, ready);
    const order: string[] = [];
    const onRegistered = ({ name }: MachinePlan): Promise<void> => {
      order.push(`${name} after ${server.requests.length} looks`);
      return Promise.resolve();
    };
    await wait({ onRegistered });
    expect(order).toEqual(['knest-control-plane after 3 looks']);
    expect(server.requests.length).toBe(4);
  });

  it('tells again when what is done then is refused', async () => {
    answer = () => ready;
    let refusals = 2;
    const onRegistered = (): Promise<void> =>
      refusals-- > 0 ? Promise.reject(new ApiError(500, 'not yet')) : Promise.resolve();
    await wait({ onRegistered });
    expect(told).toEqual(['API server is starting', 'node has registered']);
    expect(refusals).toBe(-1);
  });

  it('only looks', async () => {
    answer = () => ready;
    await wait();
    expect(new Set(server.requests.map(({ method }) => method))).toEqual(new Set(['GET']));
  });

  it('takes an API server that has gone for one that is coming back', async () => {
    answer = inOrder(node([]), notReady, ready);
    let broken = 0;
    const flaky: KubernetesClient = {
      ...client,
      get: <T>(path: string) =>
        broken++ === 2 ? Promise.reject(new Error('socket hang up')) : client.get<T>(path),
    };
    await wait({ client: flaky });
    expect(told).toContain('waiting for the API server');
  });

  it('waits while nobody listens', async () => {
    const nobody = kubernetesClient('https://127.0.0.1:1', clientCredentials(material, 'admin'), {
      via: localHost(),
    });
    await expect(wait({ client: nobody, timeout: 120 })).rejects.toMatchObject({ kind: 'notReady' });
    expect(told).toEqual(['waiting for the API server']);
    expect(server.requests).toEqual([]);
  });

  it('says what the unit in trouble says, and shows the end of its journal', async () => {
    answer = () => missing;
    const manager = fakeManager({
      'systemctl show': [
        'Id=etcd.service\nActiveState=active\nSubState=running\nResult=success\nNRestarts=0',
        'Id=kubelet.service\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\nNRestarts=9',
        'Id=kube-proxy.service\nActiveState=activating\nSubState=start\nResult=success\nNRestarts=0',
      ].join('\n\n'),
      'journalctl --no-pager --output=cat --unit=kubelet.service': 'first\nunknown flag: --nonsense\n',
    });
    await expect(wait({ manager, timeout: 120 })).rejects.toMatchObject({
      kind: 'notReady',
      message: expect.stringMatching(
        /^node knest-control-plane on memory is not Ready after 0\.1 s: kubelet says: unknown flag: --nonsense$/,
      ) as string,
      details: [
        'kubelet.service is activating (auto-restart), restarted 9 times; its journal ends:',
        '  first',
        '  unknown flag: --nonsense',
      ],
      hint: expect.stringMatching(/--retain .*knest logs \S+ -u kubelet/) as string,
    });
  });

  it('shows units on their way when none is in trouble', async () => {
    answer = () => missing;
    const manager = fakeManager({
      'systemctl show': 'Id=kube-proxy.service\nActiveState=activating\nSubState=start\nNRestarts=0',
      journalctl: 'waiting',
    });
    await expect(wait({ manager, timeout: 60 })).rejects.toMatchObject({
      message: expect.stringMatching(/not registered$/) as string,
      details: [expect.stringContaining('kube-proxy.service is activating') as string, '  waiting'],
    });
  });

  it('still tells what it waited for when the machine cannot be asked', async () => {
    answer = () => notReady;
    await expect(wait({ manager: fakeManager(), timeout: 500 })).rejects.toMatchObject({
      message: expect.stringContaining('no network yet') as string,
      details: [expect.stringContaining('asking the machine failed') as string],
    });
  });

  it('gives up at once when the machine has ended', async () => {
    answer = () => missing;
    const host = memoryHost();
    const manager = fakeManager(
      {},
      {
        leader: () => Promise.resolve(undefined),
        consoleTail: () => Promise.resolve(['booting', 'out of memory']),
      },
    );
    const started = Date.now();
    await expect(
      waitForNode(host, manager, client, machine, { timeout: 60_000, progress: tell, signal: never }),
    ).rejects.toMatchObject({ kind: 'notReady', details: ['booting', 'out of memory'] });
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('stops when told to', async () => {
    answer = () => missing;
    const controller = new AbortController();
    const waiting = wait({ signal: controller.signal, timeout: 60_000 });
    await expect.poll(() => told.length).toBeGreaterThan(0);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('waitForNodes', () => {
  it('waits for every node', async () => {
    const both = planOf({ spec: { nodes: nodesOf('control-plane', 'worker') } });
    answer = () => ready;
    await waitForAll(both);
    expect([...new Set(server.requests.map(({ path }) => path))].sort()).toEqual([
      '/api/v1/nodes/knest-control-plane',
      '/api/v1/nodes/knest-worker',
      '/api/v1/nodes?watch=true&timeoutSeconds=280',
    ]);
  });

  it('needs one watch for all, and asks for none of them meanwhile', async () => {
    const both = planOf({ spec: { nodes: nodesOf('control-plane', 'worker') } });
    answer = ({ path }) => {
      if (!path.includes('watch=')) return missing;
      return {
        stream: both.machines.map(
          ({ name }) =>
            () =>
              event('ADDED', name, ready),
        ),
      };
    };
    await waitForAll(both);
    expect(server.requests.filter(({ path }) => path.includes('watch=')).length).toBe(1);
    expect(server.requests.length).toBeLessThan(6);
  });

  it('sees a node that becomes Ready while it waits for news, long before it would ask', async () => {
    answer = ({ path }) => {
      if (!path.includes('watch=')) return missing;
      return {
        stream: [
          () => event('ADDED', machine.name, notReady),
          () => event('DELETED', machine.name, notReady),
          () => event('ADDED', machine.name, notReady),
          () => event('MODIFIED', machine.name, ready),
        ],
        pause: 100,
      };
    };
    const started = Date.now();
    await waitForAll(plan);
    expect(told).toContain('no network yet');
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('asks once a second beside a watch that says nothing', async () => {
    const nodes = inOrder(missing, missing, ready);
    answer = ({ path }) => (path.includes('watch=') ? { stream: [] } : nodes());
    await waitForAll(plan);
    expect(told).toContain('API server is up, kubelet has not registered');
  });

  it('asks for nodes itself where watches are refused', async () => {
    const nodes = inOrder(missing, notReady, ready);
    answer = ({ path }) => (path.includes('watch=') ? starting : nodes());
    const started = Date.now();
    await waitForAll(plan);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  it('tells of a machine that ends while a watch says nothing, within a second or so', async () => {
    answer = ({ path }) => (path.includes('watch=') ? { stream: [] } : missing);
    const started = Date.now();
    const leader = (): Promise<number | undefined> =>
      Promise.resolve(Date.now() - started < 300 ? 102 : undefined);
    await expect(
      waitForNodes(memoryHost(), fakeManager({}, { leader }), client, plan, {
        timeout: 60_000,
        progress: tell,
        signal: never,
      }),
    ).rejects.toMatchObject({ kind: 'notReady', message: expect.stringContaining('ended') as string });
    expect(Date.now() - started).toBeLessThan(5_000);
  });
});

describe('waitForServiceAccount', () => {
  it('returns once it is there', async () => {
    answer = inOrder(missing, starting, { body: {} });
    await waitForServiceAccount(client, { timeout: 5_000, signal: never });
    expect(server.requests.length).toBe(3);
  });

  it('is told by a watch that it is there', async () => {
    answer = ({ path }) =>
      path.includes('watch=') ? { stream: [() => event('ADDED', 'default', ready)], pause: 100 } : missing;
    await waitForServiceAccount(client, { timeout: 5_000, signal: never });
    expect(server.requests.map(({ path }) => path.replace(/.*serviceaccounts/, ''))).toEqual([
      '/default',
      '?fieldSelector=metadata.name%3Ddefault&watch=true',
    ]);
  });

  it('asks again after two seconds of a watch that says nothing', async () => {
    const accounts = inOrder(missing, { body: {} });
    answer = ({ path }) => (path.includes('watch=') ? { stream: [] } : accounts());
    await waitForServiceAccount(client, { timeout: 20_000, signal: never });
    expect(server.requests.length).toBe(3);
  });

  it('stops when told to, also within a watch', async () => {
    answer = ({ path }) => (path.includes('watch=') ? { stream: [] } : missing);
    const controller = new AbortController();
    const waiting = waitForServiceAccount(client, { timeout: 60_000, signal: controller.signal });
    await expect.poll(() => server.requests.length).toBe(2);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('points at the controller manager otherwise', async () => {
    answer = () => missing;
    await expect(waitForServiceAccount(client, { timeout: 60, signal: never })).rejects.toMatchObject({
      kind: 'notReady',
      hint: expect.stringContaining('kube-controller-manager') as string,
    });
  });
});

describe('nodes', () => {
  it('are read with as much as is known of them', async () => {
    answer = ({ path }) => (path === '/api/v1/nodes' ? { body: { items: [ready.body, {}] } } : notReady);
    expect(await readNode(client, 'n')).toMatchObject({
      name: 'n',
      ready: false,
      kubeletVersion: 'v1.20.2',
      conditions: [{ type: 'Ready', status: 'False' }],
    });
    const [first, second] = await readNodes(client);
    expect(first?.ready).toBe(true);
    expect(second).toEqual({
      ...{ name: '', ready: false, unschedulable: false, kubeletVersion: undefined },
      conditions: [],
      heartbeat: undefined,
      allocatable: {},
    });
    answer = () => ({ body: { kind: 'NodeList' } });
    expect(await readNodes(client)).toEqual([]);
  });

  it('that have not registered are an ApiError', async () => {
    answer = () => missing;
    await expect(readNode(client, 'n')).rejects.toMatchObject({ status: 404 });
  });
});

function tell(message: string): void {
  told.push(message);
}

function waitForAll(of: ClusterPlan): Promise<void> {
  const options = { timeout: 20_000, progress: tell, signal: never };
  return waitForNodes(memoryHost(), fakeManager(), client, of, options);
}

function wait(
  options: {
    manager?: MachineManager;
    client?: KubernetesClient;
    timeout?: number;
    signal?: AbortSignal;
    withoutNetwork?: boolean;
    onRegistered?: (machine: MachinePlan) => Promise<void>;
  } = {},
): Promise<void> {
  return waitForNode(memoryHost(), options.manager ?? fakeManager(), options.client ?? client, machine, {
    timeout: options.timeout ?? 10_000,
    progress: tell,
    signal: options.signal ?? never,
    withoutNetwork: options.withoutNetwork ?? false,
    ...(options.onRegistered ? { onRegistered: options.onRegistered } : {}),
  });
}

/** One answer after the other; the last one again and again. */
function inOrder(...answers: readonly [ApiAnswer, ...ApiAnswer[]]): () => ApiAnswer {
  let next = 0;
  return () => answers[Math.min(next++, answers.length - 1)] ?? answers[0];
}

/** One line of a watch. */
function event(type: string, name: string, { body }: ApiAnswer): object {
  return { type, object: { ...(body as object), metadata: { name } } };
}

function node(conditions: readonly object[]): ApiAnswer {
  return {
    body: { metadata: { name: 'n' }, status: { conditions, nodeInfo: { kubeletVersion: 'v1.20.2' } } },
  };
}
