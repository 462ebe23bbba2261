import { randomBytes } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { parallel, runSequence } from '../../apply/runner.ts';
import type { Step } from '../../apply/runner.ts';
import { InputError, messageOf } from '../../errors.ts';
import type { Progress } from '../../events.ts';
import type { MachineManager } from '../../managers/types.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { readKeyMaterial, requireCluster } from '../../state/clusters.ts';
import type { ClusterRecord } from '../../state/clusters.ts';
import { readVersion } from '../../workstation/package-file.ts';
import { giveTo, makeUserFolder, newOwner } from '../../workstation/user-file.ts';
import { writeUserFolder } from '../../workstation/user-folder.ts';
import type { UserFile } from '../../workstation/user-folder.ts';
import { openManager } from '../find-machines.ts';
import { doctor } from '../inspect/doctor.ts';
import { clusterStatus } from '../inspect/status.ts';
import { captureKubectl } from '../programs/run-program.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { Context } from '../types.ts';
import { clusterParts, consolePart, nodeParts, podLogsCommand } from './parts.ts';
import type { Part } from './parts.ts';
import { redactor, withoutSecretData } from './redact.ts';

export interface ExportLogsOptions extends Context {
  name: string;
  /** A new or empty folder, or a file NAME.tar.gz; absolute. Default: a new folder in /tmp. */
  path?: string;
}

export interface ExportedLogs {
  path: string;
  /** What could not be asked, and why; also in the file "problems.txt". */
  problems: readonly string[];
}

/** Milliseconds for all pods' logs of a node. */
const podLogsPatience = 120_000;

/**
 * Gathers what a report needs, as far as it can be had: journals, units, pods' logs, events, the plan, what doctor and
 * status say, versions. The cluster's keys, tokens and passwords are left out; nothing is changed.
 * @throws KnestError kind "notFound", InputError when the folder is not empty
 */
export async function exportLogs(options: ExportLogsOptions): Promise<ExportedLogs> {
  const session = openSession(options);
  const { host, paths, workstation, listener, signal } = session;
  const record = await requireCluster(host, paths, options.name);
  const { plan, spec } = record;
  const redact = redactor(spec, await readKeyMaterial(host, paths, options.name));
  const path = options.path ?? `/tmp/knest-logs-${options.name}-${randomBytes(4).toString('hex')}`;
  const isArchive = /\.(tar\.gz|tgz)$/.test(path);
  const folder = isArchive ? `/var/tmp/knest-logs-${randomBytes(6).toString('hex')}/${rootOf(path)}` : path;
  if ((await workstation.local.list(folder)).length > 0) {
    throw new InputError('The arguments', [{ path, message: 'is not empty' }]);
  }
  const problems: string[] = [];
  const write = (files: readonly UserFile[]): Promise<void> => writeUserFolder(workstation, folder, files);
  const gather = async (parts: readonly Part[], progress: Progress): Promise<void> => {
    let asked = 0;
    const texts = await Promise.all(
      parts.map(async (part) => {
        try {
          return await part.get().finally(() => {
            progress(`${(asked += 1)} of ${parts.length} answers`);
          });
        } catch (error) {
          signal.throwIfAborted();
          const problem = `${part.path}: ${messageOf(error)}`;
          problems.push(redact(problem));
          return undefined;
        }
      }),
    );
    await write(
      parts.flatMap(({ path: file }, index) => {
        const content = texts[index];
        return content === undefined ? [] : [logFile(file, redact(content))];
      }),
    );
  };
  const manager = await openManager(session);
  const step = (id: Step['id'], title: string, run: Step['run']): Step => ({ id, title, run });
  try {
    const steps = [
      step('logs/host', 'The host, the plan, versions', ({ progress }) =>
        gather(hostParts(session, record), progress),
      ),
      step('logs/cluster', 'Events and objects', ({ progress }) =>
        gather(kubectlParts(session, options), progress),
      ),
      ...plan.machines.map((machine) =>
        step(`logs/${machine.name}`, `Journals and pods of ${machine.name}`, async ({ progress }) => {
          if ((await manager.leader(machine)) === undefined) {
            problems.push(`${machine.name}: does not run, so its journal is not here`);
            return gather([consolePart(manager, machine)], progress);
          }
          await gather(nodeParts(manager, machine), progress);
          progress('logs of pods');
          await podLogs(session, manager, machine, async (file) => {
            await write([logFile(`${machine.name}/${file.path}`, redact(file.text))]);
          }).catch((error: unknown) => {
            signal.throwIfAborted();
            problems.push(redact(`${machine.name}/pods: ${messageOf(error)}`));
          });
        }),
      ),
    ];
    await runSequence(parallel(...steps), listener, signal);
    if (problems.length > 0) await write([logFile('problems.txt', `${problems.join('\n')}\n`)]);
    if (isArchive) await pack(session, folder, path);
  } finally {
    if (isArchive) await workstation.local.remove(dirname(folder));
  }
  return { path, problems };
}

/** What the archive unpacks to. */
function rootOf(path: string): string {
  return basename(path).replace(/\.(tar\.gz|tgz)$/, '') || 'logs';
}

/** For the user alone: journals are, too. */
function logFile(path: string, content: string): UserFile {
  return { path, mode: 0o600, content: { text: content } };
}

async function pack({ workstation }: Session, folder: string, path: string): Promise<void> {
  const { local } = workstation;
  await makeUserFolder(workstation, dirname(path));
  const owner = await newOwner(workstation, path);
  const names = ['--directory', dirname(folder), basename(folder)];
  await local.run(['tar', '--create', '--gzip', '--file', path, ...names]);
  await local.run(['chmod', '600', '--', path]);
  await giveTo(workstation, owner, [path]);
}

function hostParts(session: Session, { plan, created }: ClusterRecord): Part[] {
  const { host } = session;
  const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
  const run = async (...argv: string[]): Promise<string> =>
    (await host.run(argv, { okExitCodes: 'any', timeout: 10_000 })).stdout;
  // the story of these is not that of the export
  const quiet: Context = { ...session, listener: () => undefined };
  return [
    { path: 'plan.json', get: () => Promise.resolve(json(withoutSecretData(plan))) },
    { path: 'status.json', get: async () => json(await clusterStatus({ ...quiet, name: plan.cluster })) },
    { path: 'doctor.json', get: async () => json(await doctor({ ...quiet, fix: false, yes: false })) },
    {
      path: 'versions.json',
      get: async () => {
        return json({
          ...{ knest: readVersion(), node: process.version, kubernetes: plan.kubernetesVersion, created },
          kernel: (await run('uname', '-a')).trim(),
          systemd: (await run('systemd-nspawn', '--version')).split('\n')[0],
          os: (await host.readFile('/etc/os-release')) ?? '',
        });
      },
    },
  ];
}

function kubectlParts(session: Session, { name }: ExportLogsOptions): Part[] {
  return clusterParts.map(([path, ...argv]) => ({
    path,
    get: async () => {
      const { stdout, stderr, exitCode } = await captureKubectl({
        ...session,
        ...{ name, argv: ['--request-timeout=20s', ...argv], timeout: 60_000 },
      });
      if (exitCode !== 0) throw new Error(stderr.split('\n').at(-1) ?? `kubectl exited ${exitCode}`);
      return stdout;
    },
  }));
}

/** Each log of a pod, one after the other: all of them may be more than fits into memory. */
async function podLogs(
  { host, signal }: Session,
  manager: MachineManager,
  machine: MachinePlan,
  onFile: (file: { path: string; text: string }) => Promise<void>,
): Promise<void> {
  // loaded where it is needed: few commands are
  const { extract } = await import('tar-stream');
  const argv = await manager.enterCommand(machine, podLogsCommand, 'dumb');
  const child = await host.spawn(argv, { signal });
  child.stdin.end();
  const timer = setTimeout(() => {
    child.kill('SIGTERM');
  }, podLogsPatience);
  const reader = extract();
  reader.on('entry', (header, stream, next) => {
    const content = text(stream);
    const work =
      header.type === 'file' ? content.then((log) => onFile({ path: header.name, text: log })) : content;
    work.then(() => {
      next();
    }, next);
  });
  try {
    await pipeline(child.stdout, reader);
  } finally {
    clearTimeout(timer);
  }
}
