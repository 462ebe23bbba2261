import { expect, it } from 'vitest';

import type { ObjectsFile } from '../../../src/agent/apply-objects.ts';
import { pathOf } from '../../../src/agent/apply-objects.ts';
import type { AgentConfig } from '../../../src/agent/config.ts';
import type { MachinePlan } from '../../../src/plan/types.ts';
import { machineOf, networkSpec, nodesOf, planOf, textOf } from '../../fixtures/cluster.ts';

const plan = planOf({
  spec: { ingress: true, nodes: nodesOf('control-plane', 'control-plane', 'control-plane', 'worker') },
});
const machine = machineOf(plan);
const agentOf = (of: MachinePlan) =>
  JSON.parse(textOf(of, '/etc/kubernetes/knest-agent.json')) as AgentConfig;
const objectsOf = (of: MachinePlan) =>
  JSON.parse(textOf(of, '/etc/kubernetes/knest-objects.json')) as ObjectsFile;
const groupsOf = (of: MachinePlan, all = plan) =>
  all.pki.certificates.find(({ name }) => name === `knest-agent-${of.name}`)?.organizations;

it('is served on control planes, reached by the address that leads to one that lives', () => {
  for (const each of plan.machines.slice(0, 3)) {
    const { ingress } = agentOf(each);
    expect(ingress).toMatchObject({ address: plan.network.apiAddress, families: [4] });
    const paths = each.files.map(({ path }) => path);
    for (const path of [ingress?.certificate, ingress?.key]) expect(paths).toContain(path);
    expect(groupsOf(each)).toContain('knest:ingress');
  }
  const own = plan.pki.certificates.find(({ name }) => name === 'knest-ingress');
  expect(own?.ipAddresses).toEqual([plan.network.apiAddress]);
});

it('has no part on workers, which must not have the keys of all', () => {
  const worker = machineOf(plan, 3);
  expect(agentOf(worker).ingress).toBeUndefined();
  expect(groupsOf(worker)).not.toContain('knest:ingress');
  expect(worker.units.map(({ name }) => name)).not.toContain('knest-ingress.service');
});

it('is a unit that the agent starts, and that takes what it is told without ending connections', () => {
  const unit = machine.units.find(({ name }) => name === 'knest-ingress.service');
  expect(unit?.wantedBy).toBeUndefined();
  expect(unit?.text).toMatchInlineSnapshot(`
    "[Unit]
    Description=HAProxy, for Ingresses
    Documentation=man:haproxy(1)

    [Service]
    Type=notify
    ExecStart=/usr/sbin/haproxy -Ws -f /run/knest-ingress/current/haproxy.cfg
    ExecReload=/usr/sbin/haproxy -c -q -f /run/knest-ingress/current/haproxy.cfg
    ExecReload=/bin/kill -USR2 $MAINPID
    KillMode=mixed
    SuccessExitStatus=143
    Restart=always
    RestartSec=200ms
    "
  `);
});

it('has a class that is made once, so that an administrator may change it', () => {
  const { objects, once = [] } = objectsOf(machine);
  expect(once.map(pathOf)).toEqual(['/apis/networking.k8s.io/v1/ingressclasses/knest']);
  expect(objects.map(pathOf)).toContain('/apis/rbac.authorization.k8s.io/v1/clusterroles/knest:ingress');
});

it('listens at the families that nodes have', () => {
  const dual = planOf({ spec: { ingress: true, network: networkSpec({ ipFamily: 'dual' }) } });
  expect(agentOf(machineOf(dual)).ingress?.families).toEqual([4, 6]);
});

it('leaves no trace where it is not asked for', () => {
  const off = planOf();
  const own = machineOf(off);
  expect(agentOf(own)).not.toHaveProperty('ingress');
  expect(textOf(own, '/etc/kubernetes/knest-objects.json')).not.toMatch(/ingress/i);
  expect(JSON.stringify(off)).not.toMatch(/knest[-:]ingress/);
});
