/** A plan for people: everything that create will do, in the order in which it happens. */

import { printableCommand } from '../../errors.ts';
import { changingSysctls } from '../../plan/sysctls.ts';
import type {
  ClusterPlan,
  HostRun,
  MachinePlan,
  MachineRun,
  PlannedCommand,
  PlannedFile,
  PlannedLayer,
  PlannedSysctl,
  PlannedUnit,
  ResolvedSource,
} from '../../plan/types.ts';
import { componentTitles } from '../../plan/node-components.ts';
import { componentNames } from '../../spec/words.ts';
import type { PkiPlan } from '../../pki/types.ts';
import { renderPort } from './port.ts';

export function renderPlan(plan: ClusterPlan): string {
  const sections = [
    overview(plan),
    section('Layers', plan.layers.map(renderLayer)),
    section('Keys and certificates', renderPki(plan.pki)),
    section('Kernel settings of the host', changingSysctls(plan.host.sysctls).map(renderSysctl)),
    section('Commands on the host, before the machines start', plan.host.setup.map(renderCommand)),
    ...renderHostRun(plan.host.run),
    ...plan.machines.flatMap(renderMachine),
    section('Commands on the host, when the cluster is deleted', plan.host.teardown.map(renderCommand)),
  ];
  return sections.join('\n');
}

function renderHostRun(run: HostRun): string[] {
  switch (run.manager) {
    case 'direct':
      return [];
    case 'systemd':
      return [
        section('Files on the host', [...run.files, run.sysctls].map(renderPlanned)),
        ...(run.reload
          ? [section('Commands when they are written, and removed', run.reload.map(renderCommand))]
          : []),
      ];
  }
}

function overview(plan: ClusterPlan): string {
  const { network } = plan;
  const rows: [string, string][] = [
    ['cluster', plan.cluster],
    ['context', plan.context],
    ['API server', plan.endpoint],
    ...(plan.server === plan.endpoint ? [] : [['kubeconfig', plan.server] as [string, string]]),
    ['Kubernetes', `${plan.kubernetesVersion} (${plan.kubernetesReason})`],
    ['manager', plan.manager],
    ['bridge', network.bridge],
    ['nodes', network.nodeSubnets.join(', ')],
    ['pods', network.podSubnets.join(', ')],
    ['services', network.serviceSubnets.join(', ')],
    ['machines', plan.machines.map(({ name }) => name).join(', ')],
  ];
  return rows.map(([label, value]) => `${label.padEnd(12)}${value}\n`).join('');
}

function renderLayer(layer: PlannedLayer): string {
  if (layer.kind === 'kubernetes' || layer.kind === 'component') {
    const source: ResolvedSource = layer.source;
    const origin = {
      release: () => (source.kind === 'release' ? `downloaded from ${source.baseUrl}` : ''),
      debian: () =>
        source.kind === 'debian' ? `compiled from Debian's source package (${source.suite})` : '',
      directory: () => (source.kind === 'directory' ? `taken from ${source.directory}` : ''),
    }[source.kind]();
    const what = layer.kind === 'kubernetes' ? 'Kubernetes' : componentTitles[layer.component];
    return `${layer.id}\n  ${[what, layer.version].join(' ').trim()}, ${origin}\n`;
  }
  if (layer.kind === 'images') {
    const archives = layer.archives.map(({ file, images }) => `${images.join(', ')} from ${file}`);
    return `${layer.id}\n${indent(archives.join('\n'), 2)}\n`;
  }
  if (layer.locked) {
    const { packages, date } = layer.locked;
    const lines = [
      `Debian ${layer.suite} as of ${date}, as locked`,
      `packages: ${packages.map(({ name, version }) => `${name}=${version}`).join(' ')}`,
    ];
    return `${layer.id}\n${indent(lines.join('\n'), 2)}\n`;
  }
  const lines = [
    `Debian ${layer.suite} from ${layer.mirror ?? 'the default mirror'}`,
    ...(layer.securityMirror === undefined ? [] : [`security updates from ${layer.securityMirror}`]),
    ...(layer.proxy === undefined ? [] : [`through the proxy ${layer.proxy}`]),
    `packages: ${layer.packages.join(' ')}`,
    `must contain: ${layer.requires.join(' ')}`,
  ];
  return `${layer.id}\n${indent(lines.join('\n'), 2)}\n`;
}

function renderPki({ authorities, certificates, keyPairs }: PkiPlan): string[] {
  return [
    ...authorities.map(({ name, commonName }) => `${name}: certificate authority, CN=${commonName}\n`),
    ...certificates.map((certificate) => {
      const subject = [
        `CN=${certificate.commonName}`,
        ...certificate.organizations.map((one) => `O=${one}`),
      ].join(', ');
      const names = [...certificate.dnsNames, ...certificate.ipAddresses];
      const lines = [
        `${certificate.name}: ${subject}; ${certificate.usages.join(' and ')}; signed by ${certificate.authority}`,
        ...(names.length === 0 ? [] : [`  for ${names.join(', ')}`]),
      ];
      return `${lines.join('\n')}\n`;
    }),
    ...keyPairs.map((name) => `${name}: key pair\n`),
  ];
}

function renderSysctl({ key, from, to, why }: PlannedSysctl): string {
  return `# ${why}\n${key}: ${from} -> ${to}\n`;
}

function renderCommand({ why, argv, input, unless, mayFail }: PlannedCommand): string {
  const remarks = [
    `# ${why}`,
    ...(unless === undefined ? [] : [`# unless: ${printableCommand(unless)}`]),
    ...(mayFail ? ['# may fail'] : []),
  ];
  const stdin = input === undefined ? '' : `${indent(`stdin:\n${indent(input.trimEnd(), 2)}`, 2)}\n`;
  return `${remarks.join('\n')}\n${printableCommand(argv)}\n${stdin}`;
}

function renderMachine(machine: MachinePlan): string[] {
  const rows: [string, string][] = [
    ['role', machine.role],
    ['Kubernetes', machine.kubernetesVersion],
    ...componentRows(machine),
    ...machine.addresses.map(({ address, prefixLength, gateway }): [string, string] => [
      'address',
      `${address}/${prefixLength}, gateway ${gateway}`,
    ]),
    ['pods', machine.podSubnets.join(', ')],
    ...machine.ports.map((port): [string, string] => ['port', renderPort(port)]),
    ['folder', machine.folder],
    ['root', machine.root],
    ['overlay', `${machine.upper} on ${machine.layers.join(' on ')}`],
    ['work', machine.work],
    ...machine.binds.map(({ source, target, readOnly }): [string, string] => [
      'bind',
      `${source} at ${target}${readOnly ? ', read-only' : ''}`,
    ]),
    ...machine.run.cgroups.map((path): [string, string] => ['cgroup', path]),
    ...runRows(machine.run),
  ];
  const files = machine.files.map(renderPlanned);
  const units = machine.units.map(renderUnit);
  const probes = machine.probes.map(
    ({ says, unit, argv }) => `${says} (${unit})\n  ${printableCommand(argv)}\n`,
  );
  return [
    section(`Machine ${machine.name}`, [
      rows.map(([label, value]) => `${label.padEnd(12)}${value}\n`).join(''),
    ]),
    section(`Files in ${machine.name}`, files),
    section(`Units in ${machine.name}`, units),
    renderRun(machine),
    section(`Probes in ${machine.name}`, probes),
    ...(machine.liveCommands.length === 0
      ? []
      : [
          section(
            `Commands in ${machine.name}, when other nodes come and go`,
            machine.liveCommands.map(renderCommand),
          ),
        ]),
    section(`Merged into the Node object of ${machine.name}`, [
      `${JSON.stringify(machine.nodePatch, undefined, 2)}\n`,
    ]),
  ];
}

function componentRows({ components = {} }: MachinePlan): [string, string][] {
  return componentNames.flatMap((name): [string, string][] => {
    const component = components[name];
    return component
      ? [[componentTitles[name], `${component.version ?? 'unknown version'} (${component.reason})`]]
      : [];
  });
}

function runRows(run: MachineRun): [string, string][] {
  switch (run.manager) {
    case 'direct':
      return [
        ['log', run.logFile],
        ['pid file', run.pidFile],
      ];
    case 'systemd':
      return [
        ['unit', run.unit],
        ['mount', run.mount],
      ];
  }
}

function renderRun({ name, run }: MachinePlan): string {
  switch (run.manager) {
    case 'direct':
      return section(`Launch script of ${name}: ${run.path}`, [
        `${printableCommand(run.argv)}\n\n${indent(run.script.trimEnd(), 2)}\n`,
      ]);
    case 'systemd':
      return section(`Files on the host for ${name}`, run.files.map(renderPlanned));
  }
}

function renderPlanned({ path, mode, content }: PlannedFile): string {
  if ('link' in content) return `${path} -> ${content.link}\n`;
  const heading = `${path} (${mode.toString(8).padStart(4, '0')})`;
  if ('rootPassword' in content) return `${heading}: ${content.shadow}, with a password for root\n`;
  if ('asset' in content) return `${heading}: ${content.asset}, comes with knest\n`;
  if ('pki' in content) return `${heading}: ${content.pki}, made when the cluster is created\n`;
  return content.text === '' ? `${heading}: empty\n` : `${heading}\n${indent(content.text.trimEnd(), 2)}\n`;
}

function renderUnit({ name, text, wantedBy }: PlannedUnit): string {
  const wanted = wantedBy === undefined ? '' : `, wanted by ${wantedBy}`;
  return `${name}${wanted}\n${indent(text.trimEnd(), 2)}\n`;
}

/** A heading and its entries, an empty line between entries of several lines. */
function section(title: string, entries: readonly string[]): string {
  const heading = `${title}\n${'='.repeat(title.length)}\n`;
  if (entries.length === 0) return `${heading}none\n`;
  const airy = entries.some((entry) => entry.trimEnd().includes('\n'));
  return heading + entries.join(airy ? '\n' : '');
}

function indent(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(spaces));
}
