import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { KnestError, tail } from '../../../errors.ts';
import type { HostProcess } from '../../../host/types.ts';
import { sshCommand } from '../../../tools/ssh.ts';
import type { Workstation } from '../../../workstation/workstation.ts';
import type { BackupPlace } from './types.ts';

const scripts = {
  write:
    'umask 077 && mkdir -p "$1" && cat > "$1/$2.partial" && sync "$1/$2.partial" && mv "$1/$2.partial" "$1/$2"',
  list: '[ ! -d "$1" ] || find "$1" -mindepth 1 -maxdepth 1 -type f -printf "%s %f\\n"',
  read: 'exec cat "$1/$2"',
  remove: 'rm -f "$1/$2"',
} as const;

/** A folder of another machine: ssh://[USER@]HOST[:PORT]/FOLDER. Whoever it is there needs sh, find and coreutils. */
export function sshPlace(
  url: URL,
  { local, env: environment }: Pick<Workstation, 'local' | 'env'>,
): BackupPlace {
  const user = url.username === '' ? '' : `${decodeURIComponent(url.username)}@`;
  const target = { destination: `${user}${url.hostname}`, port: url.port === '' ? undefined : url.port };
  const folder = decodeURIComponent(url.pathname).replace(/\/+$/, '') || '/';
  const name = url.href.replace(/\/+$/, '');
  const start = (script: keyof typeof scripts, ...args: readonly string[]): Promise<HostProcess> => {
    // it finds its keys and its agent by the environment
    const env = Object.fromEntries(
      Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    return local.spawn(sshCommand(target, scripts[script], [folder, ...args]), { env });
  };
  const ended = async (process: HostProcess, complaints: Promise<string>): Promise<void> => {
    const exitCode = await process.exited;
    if (exitCode === 0) return;
    throw new KnestError(`${name}: ssh ended with ${exitCode}`, {
      code: exitCode === 255 ? 'CONNECTION_FAILED' : 'COMMAND_FAILED',
      details: tail(await complaints, 5),
      hint: `ssh ${target.destination} must work without a question: a key, and a known host`,
    });
  };
  const run = async (script: keyof typeof scripts, ...args: readonly string[]): Promise<string> => {
    const process = await start(script, ...args);
    process.stdin.end();
    const complaints = text(process.stderr);
    const said = await text(process.stdout);
    await ended(process, complaints);
    return said;
  };
  return {
    name,
    write: async (file, content, signal) => {
      const process = await start('write', file);
      process.stdout.resume();
      const complaints = text(process.stderr);
      let size = 0;
      const counting = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
        for await (const chunk of chunks) {
          size += chunk.byteLength;
          yield chunk;
        }
      };
      let failure: unknown;
      await pipeline(content, counting, process.stdin, { signal }).catch((error: unknown) => {
        failure = error;
        process.kill('SIGTERM');
      });
      // why ssh ends before it has taken everything, it says itself
      if (!content.errored && !signal.aborted) await ended(process, complaints);
      if (failure !== undefined) throw failure instanceof Error ? failure : new Error('aborted');
      return size;
    },
    list: async () =>
      (await run('list')).split('\n').flatMap((line) => {
        const match = /^(\d+) (.+)$/.exec(line);
        return match ? [{ name: match[2] ?? '', size: Number(match[1]) }] : [];
      }),
    read: async (file) => {
      const process = await start('read', file);
      process.stdin.end();
      const complaints = text(process.stderr);
      const whole = async function* (): AsyncGenerator<Buffer> {
        for await (const chunk of process.stdout) yield chunk as Buffer;
        await ended(process, complaints);
      };
      return Readable.from(whole(), { objectMode: false });
    },
    remove: async (file) => {
      await run('remove', file);
    },
  };
}
