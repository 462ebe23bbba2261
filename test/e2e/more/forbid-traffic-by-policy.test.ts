/** Network policies: what they allow goes on, what they do not allow ends, on one node and between two. */

import { expect, it } from 'vitest';

import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { pod, service } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-policy';
const controlPlane = `${name}-control-plane`;
const worker = `${name}-worker`;

/** Two ports, of which policies will allow one. */
const serve =
  'mkdir -p /www && hostname > /www/index.html && httpd -p 8081 -h /www && exec httpd -f -p 8080 -h /www';
const wait = 'exec sleep 1000000';

describeScenario('network policies', { story: true }, (scenario) => {
  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const apply = (...objects: object[]) =>
    scenario.kubectl(name, ['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    });
  const table = async (node: string): Promise<string> => {
    const { stdout } = await scenario.knest([
      'exec',
      node,
      '--',
      'nft',
      'list',
      'table',
      'inet',
      'knest_policy',
    ]);
    return stdout;
  };
  const ready = (namespace: string) =>
    kubectl('-n', namespace, 'wait', '--for=condition=Ready', 'pod', '--all', '--timeout=90s');
  /** "namespace/pod" */
  const inPod = (of: string, script: string): Promise<string> => {
    const [namespace = '', own = ''] = of.split('/');
    return kubectl('-n', namespace, 'exec', own, '--', 'sh', '-c', script);
  };
  const addressOf = async (of: string): Promise<string> => {
    const [namespace = '', own = ''] = of.split('/');
    return kubectl('-n', namespace, 'get', 'pod', own, '-o', 'jsonpath={.status.podIP}');
  };
  const fetches = async (from: string, host: string): Promise<boolean> =>
    (await inPod(from, `timeout 2 wget -qO- http://${host}/ || echo no`)) !== 'no';
  /** Rules follow within a moment. */
  const may = (from: string, host: string, expected: boolean) =>
    eventually(`${from} ${expected ? 'reaches' : 'does not reach'} ${host}`, async () => {
      expect(await fetches(from, host)).toBe(expected);
    });
  const policy = (of: string, spec: object) => {
    const [namespace = '', own = ''] = of.split('/');
    return {
      ...{ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy' },
      ...{ metadata: { name: own, namespace }, spec: { podSelector: {}, ...spec } },
    };
  };
  const placed = (of: string, node: string, script: string, extra = {}) => {
    const [namespace = '', own = ''] = of.split('/');
    const { metadata, spec, ...rest } = pod(own, script, extra);
    return { ...rest, metadata: { ...metadata, namespace }, spec: { ...spec, nodeName: node } };
  };

  it('costs nothing before there is one', async () => {
    await scenario.ok(['create', 'cluster', '--name', name, '--nodes', '2']);
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const ports = [{ name: 'http', containerPort: 8080 }];
    for (const namespace of ['shop', 'bank']) await kubectl('create', 'namespace', namespace);
    await apply(
      placed('shop/web', worker, serve, { ports }),
      placed('shop/near', worker, wait),
      placed('shop/far', controlPlane, wait),
      placed('bank/near', worker, wait),
      placed('bank/far', controlPlane, wait),
      { ...service('web', 8080), metadata: { name: 'web', namespace: 'shop' } },
    );
    await Promise.all([ready('shop'), ready('bank')]);
    const web = await addressOf('shop/web');
    for (const from of ['shop/near', 'shop/far', 'bank/near', 'bank/far'])
      for (const host of [`${web}:8080`, `${web}:8081`, 'web.shop']) await may(from, host, true);
    expect(await table(worker)).toBe('');
  });

  it('keeps everybody out by default, but the node of the pod', async () => {
    await apply(policy('shop/deny', { policyTypes: ['Ingress'] }));
    const web = await addressOf('shop/web');
    for (const from of ['shop/near', 'shop/far', 'bank/near', 'bank/far'])
      for (const host of [`${web}:8080`, 'web.shop']) await may(from, host, false);
    const curl = ['curl', '-fsS', '--max-time', '2', `http://${web}:8080/`];
    expect(await scenario.ok(['exec', worker, '--', ...curl])).toBe('web');
    // another node's components are as strange as anybody else
    expect((await scenario.knest(['exec', controlPlane, '--', ...curl])).exitCode).not.toBe(0);
    // itself, also through its Service
    await may('shop/web', 'web.shop', true);
    expect(await table(worker)).toContain('no policy allows it');
  });

  it('lets in whom another policy names, at a port that has a name', async () => {
    const from = [{ namespaceSelector: { matchLabels: { trusted: 'yes' } } }];
    const ingress = [{ from, ports: [{ port: 'http' }] }];
    await apply(policy('shop/let-bank-in', { podSelector: { matchLabels: { app: 'web' } }, ingress }));
    const web = await addressOf('shop/web');
    await may('bank/near', 'web.shop', false);
    await kubectl('label', 'namespace', 'bank', 'trusted=yes');
    for (const one of ['bank/near', 'bank/far']) {
      await may(one, `${web}:8080`, true);
      await may(one, 'web.shop', true);
      await may(one, `${web}:8081`, false);
    }
    for (const one of ['shop/near', 'shop/far']) await may(one, `${web}:8080`, false);
    await kubectl('label', 'namespace', 'bank', 'trusted-');
    for (const one of ['bank/near', 'bank/far']) await may(one, `${web}:8080`, false);
  });

  it('lets out to addresses, with exceptions, and to the DNS that users mean', async () => {
    await kubectl('-n', 'shop', 'delete', 'networkpolicy', '--all');
    await apply(placed('bank/open', worker, serve), placed('bank/closed', controlPlane, serve), {
      ...service('open', 8080),
      metadata: { name: 'open', namespace: 'bank' },
    });
    await ready('bank');
    const [open, closed] = [await addressOf('bank/open'), await addressOf('bank/closed')];
    for (const from of ['shop/near', 'shop/far'])
      for (const host of [`${open}:8080`, `${closed}:8080`, 'open.bank']) await may(from, host, true);
    const toPods = { ipBlock: { cidr: '10.0.0.0/8', except: [`${closed}/32`] } };
    await apply(
      policy('shop/out', { policyTypes: ['Egress'], egress: [{ to: [toPods], ports: [{ port: 8080 }] }] }),
    );
    for (const from of ['shop/near', 'shop/far']) {
      await may(from, `${closed}:8080`, false);
      await may(from, `${open}:8080`, true);
      await may(from, `${open}:8081`, false);
    }
    // the DNS is on the other node, and no policy lets anybody ask it
    await may('shop/near', 'open.bank', false);
    const kubeDns = { namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } };
    const ports = [
      { port: 53, protocol: 'UDP' },
      { port: 53, protocol: 'TCP' },
    ];
    await apply(policy('shop/dns', { policyTypes: ['Egress'], egress: [{ to: [kubeDns], ports }] }));
    await may('shop/near', 'open.bank', true);
  });

  it('holds for a pod from its first moment, and for one that comes later', async () => {
    const [open, closed] = [await addressOf('bank/open'), await addressOf('bank/closed')];
    const hasty = (host: string) =>
      `if timeout 5 wget -qO- http://${host}:8080/; then echo reached; else echo kept; fi; ${wait}`;
    // several, as each of them races its own rules
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    await apply(
      ...names.map((one) => placed(`shop/hasty-${one}`, worker, hasty(closed))),
      placed('shop/hasty-allowed', worker, hasty(open)),
    );
    await ready('shop');
    const said = (one: string) =>
      eventually(`${one} has tried`, async () => {
        const text = await kubectl('-n', 'shop', 'logs', one);
        expect(text).toMatch(/^(reached|kept)$/m);
        return text;
      });
    for (const one of names) expect(await said(`hasty-${one}`), one).toMatch(/^kept$/m);
    expect(await said('hasty-allowed')).toMatch(/^reached$/m);
  });

  it('goes on while knest-agent is away, and comes to an end with the last policy', async () => {
    const closed = await addressOf('bank/closed');
    await scenario.ok(['exec', worker, '--', 'systemctl', 'stop', 'knest-agent']);
    expect(await fetches('shop/near', `${closed}:8080`)).toBe(false);
    await kubectl('-n', 'shop', 'delete', 'networkpolicy', '--all');
    expect(await fetches('shop/near', `${closed}:8080`)).toBe(false);
    await scenario.ok(['exec', worker, '--', 'systemctl', 'start', 'knest-agent']);
    await may('shop/near', `${closed}:8080`, true);
    await eventually('no rules are left', async () => {
      for (const node of [worker, controlPlane]) expect(await table(node)).toBe('');
    });
  });

  it('leaves nothing behind', async () => {
    await scenario.ok(['delete', 'cluster', '--name', name]);
    await scenario.expectCleanHost();
  });
});
