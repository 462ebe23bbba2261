/** A plan as a picture that GitHub, GitLab and editors draw (Mermaid: "Flowcharts"). */

import type { ClusterPlan, MachinePlan } from '../../plan/types.ts';
import { renderPort } from './port.ts';

/** Whom a component asks, among those of its machine; the API server it asks by the API's address where there is none. */
const asks: Readonly<Record<string, readonly string[]>> = {
  'kube-apiserver': ['etcd'],
  'kube-controller-manager': ['kube-apiserver'],
  'kube-scheduler': ['kube-apiserver'],
  kubelet: ['kube-apiserver', 'containerd'],
  'kube-proxy': ['kube-apiserver'],
  'knest-agent': ['kube-apiserver'],
};

/** The host with its networks, machines with their components, and who asks whom. */
export function planMermaid(plan: ClusterPlan): string {
  const { network } = plan;
  const machines = plan.machines.map((machine, index) => ({ machine, id: `m${index + 1}` }));
  const lines = [
    'flowchart TB',
    '  subgraph host["this host"]',
    ...(network.lan ? [] : [`    ${networkNode(plan)}`]),
    ...machines.flatMap(({ machine, id }) => machineLines(machine, id).map((line) => `    ${line}`)),
    '  end',
    ...(network.lan ? [`  ${networkNode(plan)}`] : []),
    `  api(["${label(`API ${plan.endpoint.replace('https://', '')}`)}"])`,
    ...(plan.server === plan.endpoint
      ? []
      : [`  kubeconfig(["${label(plan.server.replace('https://', ''))}"]) --> api`]),
    ...machines.flatMap(({ machine, id }) => [
      `  ${id} --- network`,
      ...machine.ports.map(
        (port, index) => `  ${id}port${index + 1}(["${label(renderPort(port))}"]) --> ${id}`,
      ),
      ...questions(machine, id),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function networkNode({ network }: ClusterPlan): string {
  const what = network.lan
    ? `LAN behind ${network.lan.parent}`
    : network.hostNetwork
      ? 'network of the host'
      : `bridge ${network.bridge}`;
  const subnets = [
    `nodes ${network.nodeSubnets.join(', ')}`,
    `pods ${network.podSubnets.join(', ')}`,
    `Services ${network.serviceSubnets.join(', ')}`,
  ];
  return `network{{"${label(what, ...subnets)}"}}`;
}

function machineLines(machine: MachinePlan, id: string): string[] {
  const { name, role, kubernetesVersion, addresses } = machine;
  const where = addresses.map(({ address }) => address).join(', ');
  return [
    `subgraph ${id}["${label(name, `${role}, ${kubernetesVersion}`, where)}"]`,
    ...componentsOf(machine).map((component) => `  ${id}-${component}["${label(component)}"]`),
    'end',
  ];
}

function questions(machine: MachinePlan, id: string): string[] {
  const here = componentsOf(machine);
  return here.flatMap((component) => [
    ...(component === 'kube-apiserver' ? [`  api --> ${id}-${component}`] : []),
    ...(asks[component] ?? []).flatMap((asked) => {
      if (here.includes(asked)) return [`  ${id}-${component} --> ${id}-${asked}`];
      return asked === 'kube-apiserver' ? [`  ${id}-${component} --> api`] : [];
    }),
  ]);
}

/** Units that run as long as the node, by their names without ending. */
function componentsOf({ units, probes }: MachinePlan): string[] {
  const probed = new Set(probes.map(({ unit }) => unit));
  return units.filter(({ name }) => probed.has(name)).map(({ name }) => name.replace(/\.service$/, ''));
}

/** Lines of a label in quotes. */
function label(...lines: readonly string[]): string {
  return lines
    .map((line) => line.replaceAll('#', '#35;').replaceAll('"', '#quot;').replaceAll('<', '#lt;'))
    .join('<br>');
}
