/** A plan as a folder of files, to read, to compare with another one, or to carry out by hand. */

import { join } from 'node:path';
import { InputError } from '../../errors.ts';
import { hostScript } from '../../plan/host-script.ts';
import { changingSysctls } from '../../plan/sysctls.ts';
import type { ClusterPlan, FileContent, MachinePlan, PlannedFile } from '../../plan/types.ts';
import type { PkiPlan } from '../../pki/types.ts';
import type { Desk } from '../../workstation/kubeconfig-paths.ts';
import { writeUserFolder, type UserFile } from '../../workstation/user-folder.ts';
import { planJson } from './plan-json.ts';

/**
 * Writes the plan into a new or empty folder.
 * @throws InputError when there is something in it already.
 */
export async function writePlanDirectory(plan: ClusterPlan, folder: string, desk: Desk): Promise<void> {
  if ((await desk.local.list(folder)).length > 0) {
    throw new InputError('The flags', [{ path: '--output', message: `the folder ${folder} is not empty` }]);
  }
  await writeUserFolder(desk, folder, planFiles(plan));
}

/** The files of the folder. Key material is not in a plan: its files say what will be there. */
export function planFiles(plan: ClusterPlan): UserFile[] {
  return [
    text('plan.json', planJson(plan)),
    text('pki.txt', renderPki(plan.pki)),
    text('host/setup.sh', hostScript(plan.host.setup, changingSysctls(plan.host.sysctls)), 0o755),
    text('host/teardown.sh', hostScript(plan.host.teardown), 0o755),
    ...hostFiles(plan),
    ...plan.machines.flatMap(machineFiles),
  ];
}

/** What a manager has the host keep: units of its systemd. */
function hostFiles({ host, machines }: ClusterPlan): UserFile[] {
  const ofHost = host.run.manager === 'systemd' ? [...host.run.files, host.run.sysctls] : [];
  const ofMachines = machines.flatMap(({ run }) => (run.manager === 'systemd' ? run.files : []));
  const files: PlannedFile[] = [...ofHost, ...ofMachines];
  return files.map(({ path, mode, content }) => ({
    path: join('host/root', path),
    mode,
    content: shown(content),
  }));
}

function machineFiles(machine: MachinePlan): UserFile[] {
  const root = join('machines', machine.name, 'root');
  const units = join(root, 'etc/systemd/system');
  return [
    ...(machine.run.manager === 'direct'
      ? [text(join('machines', machine.name, 'launch.sh'), machine.run.script, 0o755)]
      : []),
    ...machine.files.map(({ path, mode, content }) => ({
      path: join(root, path),
      mode,
      content: shown(content),
    })),
    ...machine.units.flatMap(({ name, text: unit, wantedBy }) => [
      text(join(units, name), unit),
      ...(wantedBy === undefined
        ? []
        : [{ path: join(units, `${wantedBy}.wants`, name), mode: 0o777, content: { link: `../${name}` } }]),
    ]),
  ];
}

function shown(content: FileContent): UserFile['content'] {
  if ('rootPassword' in content) return { text: `${content.shadow}, with a password for root\n` };
  if ('asset' in content) return { text: `${content.asset}: comes with knest\n` };
  return 'pki' in content ? { text: `${content.pki}: made when the cluster is created\n` } : content;
}

function renderPki({ authorities, certificates, keyPairs }: PkiPlan): string {
  const lines = [
    ...authorities.map(({ name, commonName }) => `authority ${name} CN=${commonName}`),
    ...certificates.map(({ name, authority, commonName, organizations, usages, dnsNames, ipAddresses }) =>
      [
        `certificate ${name} by ${authority} CN=${commonName}`,
        ...organizations.map((one) => `O=${one}`),
        ...usages,
        ...dnsNames.map((one) => `DNS:${one}`),
        ...ipAddresses.map((one) => `IP:${one}`),
      ].join(' '),
    ),
    ...keyPairs.map((name) => `keypair ${name}`),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function text(path: string, content: string, mode = 0o644): UserFile {
  return { path, mode, content: { text: content } };
}
