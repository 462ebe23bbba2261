/** What is gathered of a cluster for whoever wants to know what happened, file by file. */

import type { MachineManager } from '../../managers/types.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { imagesOfMachine } from '../images/list-images.ts';

/** A file, and where its text comes from. */
export interface Part {
  path: string;
  get: () => Promise<string>;
}

/** Milliseconds that one question may take: a node in trouble is slow. */
const patience = 60_000;

/** Of kubectl: what the API server knows. Never Secrets. */
export const clusterParts: readonly (readonly [path: string, ...argv: string[]])[] = [
  ['cluster/version.yaml', 'version', '-o', 'yaml'],
  ['cluster/readyz.txt', 'get', '--raw', '/readyz?verbose'],
  ['cluster/nodes.yaml', 'get', 'nodes', '-o', 'yaml'],
  ['cluster/nodes.txt', 'describe', 'nodes'],
  ['cluster/objects.txt', 'get', 'all', '--all-namespaces', '-o', 'wide'],
  ['cluster/volumes.txt', 'get', 'pv,pvc,storageclasses', '--all-namespaces', '-o', 'wide'],
  ['cluster/pods.txt', 'describe', 'pods', '--all-namespaces'],
  ['cluster/events.txt', 'get', 'events', '--all-namespaces', '--sort-by=.lastTimestamp'],
];

/** Of a machine that runs. */
export function nodeParts(manager: MachineManager, machine: MachinePlan): Part[] {
  const run = async (...argv: string[]): Promise<string> => {
    const { stdout, stderr } = await manager.run(machine, argv, { okExitCodes: 'any', timeout: patience });
    return [stdout, stderr].filter((text) => text !== '').join('\n');
  };
  const part = (name: string, ...argv: string[]): Part => ({
    path: `${machine.name}/${name}`,
    get: () => run(...argv),
  });
  const journal = ['journalctl', '--no-pager', '--output=short-precise'];
  const services = machine.units.map(({ name }) => name).filter((name) => name.endsWith('.service'));
  return [
    part('journal.log', ...journal),
    ...[...new Set([...services, 'containerd.service'])].map((unit) =>
      part(`units/${unit.replace(/\.service$/, '')}.log`, ...journal, `--unit=${unit}`),
    ),
    part('units.txt', 'systemctl', '--no-pager', '--full', '--all', 'list-units'),
    part('failed.txt', 'systemctl', '--no-pager', '--full', 'status', '--state=failed', '*'),
    part('addresses.txt', 'ip', 'address'),
    part('routes.txt', 'ip', 'route', 'show', 'table', 'all'),
    part('mounts.txt', 'findmnt', '--all'),
    part('disks.txt', 'df', '--human-readable'),
    part('processes.txt', 'ps', 'axfww', '-o', 'pid,ppid,stat,etime,rss,args'),
    part('kubernetes-version.txt', 'kubelet', '--version'),
    {
      path: `${machine.name}/images.json`,
      get: async () => `${JSON.stringify(await imagesOfMachine(manager, machine), undefined, 2)}\n`,
    },
    consolePart(manager, machine),
  ];
}

/** Of any machine. */
export function consolePart(manager: MachineManager, machine: MachinePlan): Part {
  return {
    path: `${machine.name}/console.log`,
    get: async () => `${(await manager.consoleTail(machine)).join('\n')}\n`,
  };
}

/** Writes the logs of a machine's pods, as the kubelet has them, as a tar archive to standard output. */
export const podLogsCommand: readonly string[] = [
  ...[
    'tar',
    '--create',
    '--file=-',
    '--directory=/var/log',
    '--ignore-failed-read',
    '--warning=no-file-changed',
  ],
  ...['--exclude=*.gz', 'pods'],
];
