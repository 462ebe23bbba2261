/** Ingresses without an image from anywhere: hosts, paths and certificates at the ports of control planes. */

import { request as overHttp } from 'node:http';
import type { RequestOptions } from 'node:http';
import { request as overHttps } from 'node:https';

import { expect, it } from 'vitest';

import type { NodeSummary } from '../../../src/operations/types.ts';
import { readAll } from '../../../src/clients/https.ts';
import { ingress, rule, tlsSecret } from '../../agent/ingress/fixture.ts';
import { busyboxArchive } from '../support/busybox.ts';
import { eventually } from '../support/eventually.ts';
import { deployment, service } from '../support/manifests.ts';
import { describeScenario } from '../support/scenario.ts';

const name = 'e2e-ingress';
const node = `${name}-control-plane`;
const hostPort = 18_480;

/** Tells who it is at every path. */
const serve = (who: string) =>
  [
    'mkdir -p /www/cgi-bin /www/api/v1',
    `for folder in /www /www/api /www/api/v1; do echo ${who} > $folder/index.html; done`,
    "printf '#!/bin/sh\\necho; hostname; echo $HTTP_X_FORWARDED_PROTO; echo $HTTP_X_FORWARDED_HOST\\n' > /www/cgi-bin/who",
    'chmod +x /www/cgi-bin/who',
    'exec httpd -f -p 8080 -h /www',
  ].join('; ');

describeScenario('serve hosts and paths', { story: true }, (scenario) => {
  /** Of the control plane, and of the API. */
  let address = '';
  let apiAddress = '';
  const kubectl = (...args: string[]) => scenario.kubectl(name, args);
  const apply = (...items: object[]) =>
    scenario.kubectl(name, ['apply', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    });
  const object = (own: string, spec: Parameters<typeof ingress>[1]) => {
    const { metadata, ...rest } = ingress(own, spec);
    return {
      ...{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: metadata?.name } },
      ...rest,
    };
  };
  /** "STATUS BODY" */
  const ask = (host: string, path: string, at: RequestOptions = { host: address }) =>
    exchange(overHttp({ ...at, path, headers: { host }, agent: false }));
  const isAnswered = (host: string, path: string, answer: string | RegExp) =>
    eventually(`${host}${path} is answered`, async () => {
      expect(await ask(host, path)).toMatch(answer);
    });

  it('is created with a switch', async () => {
    const config = {
      ...{ apiVersion: 'knest.dev/v1alpha1', kind: 'Cluster', name, ingress: true },
      nodes: [
        {
          role: 'control-plane',
          extraPortMappings: [{ containerPort: 80, hostPort, listenAddress: '127.0.0.1' }],
        },
        { role: 'worker' },
      ],
    };
    await scenario.ok(['create', 'cluster', '--yes', '--config', '-'], { input: JSON.stringify(config) });
    await scenario.ok(['load', 'image-archive', await busyboxArchive(), '--name', name]);
    const nodes = JSON.parse(
      await scenario.ok(['get', 'nodes', '--name', name, '-o', 'json']),
    ) as NodeSummary[];
    address = nodes.find((one) => one.name === node)?.address ?? '';
    const server = await kubectl('config', 'view', '--minify', '-o', 'jsonpath={..server}');
    apiAddress = new URL(server).hostname;
    expect(await kubectl('get', 'ingressclass', 'knest', '-o', 'jsonpath={.spec.controller}')).toBe(
      'knest.dev/ingress',
    );
    await isAnswered('shop.test', '/', /^404 no Ingress leads there/);
  });

  it('leads hosts and paths to Services', async () => {
    for (const who of ['shop', 'api']) {
      await apply(deployment(who, 1, serve(who)), service(who, 8080));
      await kubectl('rollout', 'status', `deployment/${who}`, '--timeout=120s');
    }
    await apply(
      object('shop', { rules: [rule('shop.test', '/=shop:80', '/api=api:80')] }),
      object('more', { rules: [rule('*.shop.test', '/=api:80')] }),
    );
    await isAnswered('shop.test', '/', '200 shop');
    await isAnswered('shop.test', '/api/v1/', '200 api');
    await isAnswered('any.shop.test', '/', '200 api');
    expect(await ask('other.test', '/')).toMatch(/^404/);
    expect(await ask('shop.test', '/cgi-bin/who')).toMatch(/^200 shop-\S+\nhttp\nshop\.test$/);
  });

  it('takes an Ingress without a class, as its own is the default', async () => {
    const { spec, ...rest } = object('unsaid', { rules: [rule('unsaid.test', '/=shop:80')] });
    await apply({ ...rest, spec: { ...spec, ingressClassName: undefined } });
    await isAnswered('unsaid.test', '/', '200 shop');
  });

  it('is reached by a port of the host, and shows its address', async () => {
    expect(await ask('shop.test', '/', { host: '127.0.0.1', port: hostPort })).toBe('200 shop');
    await eventually('the status has an address', async () => {
      const shown = await kubectl(
        'get',
        'ingress',
        'shop',
        '-o',
        'jsonpath={.status.loadBalancer.ingress[0].ip}',
      );
      expect(shown).toBe(apiAddress);
    });
    expect(await ask('shop.test', '/', { host: apiAddress })).toBe('200 shop');
  });

  it('shows certificates of Secrets, and the cluster’s for other names', async () => {
    const { secret, ca } = await tlsSecret('shop-tls', 'shop.test');
    await apply(
      { apiVersion: 'v1', kind: 'Secret', ...secret, metadata: { name: 'shop-tls' } },
      object('shop', {
        rules: [rule('shop.test', '/=shop:80', '/api=api:80')],
        tls: [{ hosts: ['shop.test'], secretName: 'shop-tls' }],
      }),
    );
    const at = { host: apiAddress, agent: false };
    await eventually('the certificate is that of the Secret', async () => {
      const options = { ...at, ca, servername: 'shop.test', headers: { host: 'shop.test' } };
      expect(await exchange(overHttps({ ...options, path: '/cgi-bin/who' }))).toMatch(/\nhttps\nshop\.test$/);
    });
    const authority = await kubectl(
      'config',
      'view',
      '--raw',
      '--minify',
      '-o',
      'jsonpath={..certificate-authority-data}',
    );
    const ownCa = Buffer.from(authority, 'base64').toString();
    expect(
      await exchange(
        overHttps({ ...at, ca: ownCa, servername: 'knest-ingress', headers: { host: 'any.shop.test' } }),
      ),
    ).toBe('200 api');
  });

  it('a broken Ingress harms no other, and says what is wrong', async () => {
    await apply(
      object('broken', {
        rules: [rule('broken.test', '/=gone:80', '/fine=shop:80'), rule('shop.test', '/=api:80')],
        tls: [{ hosts: ['broken.test'], secretName: 'gone' }],
      }),
    );
    await isAnswered('broken.test', '/', /^503/);
    await isAnswered('shop.test', '/', '200 shop');
    await eventually('an event says why', async () => {
      const events = await kubectl('describe', 'ingress', 'broken');
      expect(events).toMatch(/Warning +Rejected .*there is no Service gone/);
      expect(events).toMatch(/shop\.test\/ is already led by Ingress default\/shop/);
      expect(events).toMatch(/there is no Secret gone/);
    });
    await kubectl('create', 'service', 'clusterip', 'gone', '--tcp=80:8080');
    await kubectl('patch', 'service', 'gone', '-p', '{"spec":{"selector":{"app":"shop"}}}');
    await isAnswered('broken.test', '/', '200 shop');
  });

  it('spreads requests over pods, and says so when there is none', async () => {
    await kubectl('scale', 'deployment', 'api', '--replicas=2');
    await kubectl('rollout', 'status', 'deployment/api', '--timeout=120s');
    const seen = new Set<string>();
    await eventually('both pods have answered', async () => {
      seen.add(await ask('any.shop.test', '/cgi-bin/who'));
      expect([...seen].filter((answer) => answer.startsWith('200 api-'))).toHaveLength(2);
    });
    await kubectl('scale', 'deployment', 'api', '--replicas=0');
    await isAnswered('any.shop.test', '/', /^503/);
  });

  it('works again after its proxy was killed, and after the cluster was stopped', async () => {
    await scenario.ok(['exec', node, '--', 'systemctl', 'kill', '--signal=KILL', 'knest-ingress.service']);
    await isAnswered('shop.test', '/', '200 shop');
    await scenario.ok(['stop', 'cluster', '--name', name]);
    await scenario.ok(['start', 'cluster', '--name', name]);
    await eventually(
      'the shop is open again',
      async () => {
        expect(await ask('shop.test', '/')).toBe('200 shop');
      },
      60_000,
    );
    expect(await scenario.ok(['status', 'cluster', '--name', name])).toContain(
      'HAProxy answers for Ingresses',
    );
  });

  it('is gone when the Ingress is deleted', async () => {
    await kubectl('delete', 'ingress', 'shop');
    // what the other one asked for, too, is its own now; its Service has no pods
    await isAnswered('shop.test', '/', /^503/);
    await kubectl('delete', 'ingress', 'broken');
    await isAnswered('shop.test', '/', /^404/);
  });
});

async function exchange(request: ReturnType<typeof overHttp>): Promise<string> {
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => {
      readAll(response).then(
        (text) => {
          resolve(`${response.statusCode ?? 0} ${text.trim()}`);
        },
        (error: unknown) => {
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
    request.end();
  });
}
