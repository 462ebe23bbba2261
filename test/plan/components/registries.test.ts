import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';

import { nodesOf, networkSpec, machineOf, planOf, textOf } from '../../fixtures/cluster.ts';
import { hostFacts } from '../../fixtures/host-facts.ts';

const registry = { address: undefined, port: 5000 };

describe('the registry of the cluster', () => {
  it('runs on every control plane, over one folder of the host', () => {
    const plan = planOf({ spec: { registry, nodes: nodesOf('control-plane', 'control-plane', 'worker') } });
    const of = plan.machines.map(({ units, binds }) => ({
      runs: units.some(({ name }) => name === 'knest-registry.service'),
      data: binds.filter(({ target }) => target === '/var/lib/knest-registry').map(({ source }) => source),
    }));
    const control = { runs: true, data: ['/var/lib/knest/clusters/knest/registry'] };
    expect(of).toEqual([control, control, { runs: false, data: [] }]);
  });

  it('is at a port of loopback that leads to the address of the API', () => {
    const { network, host } = planOf({ spec: { registry } });
    expect(network.registryPort).toEqual({
      protocol: 'tcp',
      listenAddress: '127.0.0.1',
      hostPort: 5000,
      machinePort: 5000,
    });
    const rules = host.setup.map(({ input }) => input ?? '').join('\n');
    expect(rules).toMatch(
      new RegExp(`127\\.0\\.0\\.1.*5000.*${network.apiAddress.replaceAll('.', '\\.')}:5000`),
    );
  });

  it('keeps its port when nodes come', () => {
    const previous = planOf({ spec: { registry } });
    // what listens there is the registry itself
    const listening = [{ protocol: 'tcp', address: '127.0.0.1', port: 5000 }] as const;
    const nodes = nodesOf('control-plane', 'worker');
    const plan = planOf({ spec: { registry, nodes }, facts: hostFacts({ listening }), previous });
    expect(plan.network.registryPort).toEqual(previous.network.registryPort);
    expect(() => planOf({ spec: { registry }, facts: hostFacts({ listening }) })).toThrow(
      expect.objectContaining({
        details: [
          expect.stringMatching(/^registry\.port: TCP port 5000 is taken by .*\(choose another one\)$/),
        ],
      }),
    );
  });

  it('has no port on the host with IPv6 alone', () => {
    const plan = planOf({ spec: { registry, network: networkSpec({ ipFamily: 'ipv6' }) } });
    expect(plan.network.registryPort).toBeUndefined();
    const objects = textOf(machineOf(plan), '/etc/kubernetes/knest-objects.json');
    expect(objects).toContain(`host: \\"[${plan.network.apiAddress}]:5000\\"`);
  });

  it("is on the host's loopback where the node shares the network of its host", () => {
    const plan = planOf({
      spec: {
        registry: { address: undefined, port: 5001 },
        network: networkSpec({ mode: 'host', hostAddress: hostFacts().addresses[0] }),
      },
    });
    const machine = machineOf(plan);
    expect(textOf(machine, '/etc/kubernetes/registry.yaml')).toContain('addr: 127.0.0.1:5001');
    expect(textOf(machine, '/etc/containerd/certs.d/localhost:5001/hosts.toml')).toContain(
      'http://127.0.0.1:5001',
    );
    expect(JSON.stringify(plan.host)).not.toContain('5001');
    expect(textOf(machine, '/etc/kubernetes/knest-objects.json')).not.toContain('hostFromClusterNetwork');
  });
});

describe('hosts.toml', () => {
  const access = { mirrors: [], ca: undefined, skipVerify: false, credentials: undefined };
  const plan = planOf({
    spec: {
      registry,
      registries: [
        { ...access, host: 'a.example', ca: '-----BEGIN CERTIFICATE-----' },
        { ...access, host: 'localhost:5000', mirrors: ['http://other.example'] },
        { ...access, host: '*', skipVerify: true },
      ],
    },
  });
  const files = machineOf(plan).files.filter(({ path }) => path.endsWith('/hosts.toml'));

  it('always has a table "host": containerd ignores the file without', () => {
    expect(files).toHaveLength(5);
    for (const { path } of files) expect(parse(textOf(machineOf(plan), path))).toHaveProperty('host');
  });

  it('of the user wins over that of the registry', () => {
    expect(textOf(machineOf(plan), '/etc/containerd/certs.d/localhost:5000/hosts.toml')).toContain(
      'other.example',
    );
  });
});
