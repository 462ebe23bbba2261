import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';

import { KnestError, tail } from '../../errors.ts';
import { skip } from '../../formats/backup/read.ts';
import type { HostProcess } from '../../host/types.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { plainUnpackCommand } from '../../tools/tar.ts';
import type { Session } from '../session.ts';
import { volumesOnHost } from './create-backup.ts';
import { readVolumes } from './open-backup.ts';
import type { BackupSource } from './open-backup.ts';

interface Unpacking {
  node: string;
  process: HostProcess;
  complaints: Promise<string>;
}

/**
 * Unpacks the volumes of a backup into machines that have not been started. Again is harmless.
 * @param nodes machines by the names that their nodes had
 */
export async function restoreVolumes(
  session: Session,
  source: BackupSource,
  nodes: Readonly<Record<string, MachinePlan>>,
  signal: AbortSignal,
): Promise<void> {
  const { host } = session;
  let open: Unpacking | undefined;
  const finish = async (): Promise<void> => {
    if (!open) return;
    const { node, process, complaints } = open;
    open = undefined;
    process.stdin.end();
    if ((await process.exited) === 0) return;
    throw new KnestError(`the volumes of ${node} could not be unpacked`, {
      code: 'COMMAND_FAILED',
      details: tail(await complaints, 5),
      hint: 'run the same command again',
    });
  };
  const start = async (node: string, machine: MachinePlan): Promise<Unpacking> => {
    const folder = volumesOnHost(machine);
    await host.makeDirectory(machine.folder, 0o700);
    await host.makeDirectory(folder, 0o700);
    const process = await host.spawn(plainUnpackCommand(folder), { signal });
    process.stdout.resume();
    return { node, process, complaints: text(process.stderr) };
  };
  try {
    await readVolumes(session, source, async (node, piece: Readable) => {
      const machine = nodes[node];
      if (open?.node !== node) await finish();
      if (!machine) {
        await skip(piece);
        return;
      }
      open ??= await start(node, machine);
      // why a program ends before it has read everything, it says itself
      await pipeline(piece, open.process.stdin, { end: false }).catch(async (error: unknown) => {
        await finish();
        throw error;
      });
    });
    await finish();
  } finally {
    open?.process.kill('SIGTERM');
  }
}
