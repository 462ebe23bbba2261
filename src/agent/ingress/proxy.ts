/** HAProxy as a unit of the machine: files that it takes, and only those, become what it goes by. */

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';

import { log } from '../log.ts';
import { configurationFile } from './render.ts';
import type { ProxyFiles } from './render.ts';

/** What HAProxy can be told, for a folder that is not known before. */
export type Rendering = (folder: string) => ProxyFiles;

export interface Proxy {
  /** @returns why HAProxy would not take it; undefined: it would */
  check(render: Rendering): Promise<string | undefined>;
  /** From now on it goes by this, which it would take. Nothing happens if it does so already. */
  use(render: Rendering): Promise<void>;
}

export interface ProxyOptions {
  /** The one that is in use is "current" in there. */
  folder: string;
  unit: string;
  /** Ends with the exit code and what the program has said on stderr. */
  run?: (argv: readonly [string, ...string[]]) => Promise<{ code: number; said: string }>;
}

export function haProxy({ folder, unit, run = runProgram }: ProxyOptions): Proxy {
  let inUse: string | undefined;
  const lay = async (name: string, files: ProxyFiles): Promise<string> => {
    const path = `${folder}/${name}`;
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true, mode: 0o700 });
    for (const [file, text] of files) await writeFile(`${path}/${file}`, text, { mode: 0o600 });
    return path;
  };
  return {
    check: async (render) => {
      const path = await lay('checked', render(`${folder}/checked`));
      const { code, said } = await run(['haproxy', '-c', '-q', '-f', `${path}/${configurationFile}`]);
      await rm(path, { recursive: true });
      return code === 0 ? undefined : reasonIn(said);
    },
    use: async (render) => {
      const name = digestOf(render(''));
      if (name === inUse) return;
      await lay(name, render(`${folder}/${name}`));
      await rm(`${folder}/next`, { force: true });
      await symlink(name, `${folder}/next`);
      await rename(`${folder}/next`, `${folder}/current`);
      // a connection that is open goes on with the process that has it
      const { code, said } = await run(['systemctl', 'reload-or-restart', unit]);
      if (code !== 0) throw new Error(`${unit}: ${said.trim() || `exit code ${code}`}`);
      inUse = name;
      const others = (await readdir(folder)).filter((one) => one !== name && one !== 'current');
      for (const other of others) await rm(`${folder}/${other}`, { recursive: true, force: true });
      log.info(`HAProxy goes by ${name}`);
    },
  };
}

function digestOf(files: ProxyFiles): string {
  return createHash('sha256')
    .update(JSON.stringify([...files]))
    .digest('hex')
    .slice(0, 12);
}

/** The first of its alerts, without time and process: "[ALERT] (123) : config : ..." */
function reasonIn(said: string): string {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  const alert = lines.find((line) => line.startsWith('[ALERT]')) ?? lines[0] ?? 'no reason given';
  return alert.replace(/^\[\w+\]\s*(\(\d+\))?[\s:]*/, '').slice(0, 500);
}

function runProgram([program, ...args]: readonly [string, ...string[]]): Promise<{
  code: number;
  said: string;
}> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      if (said.length < 10_000) said += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code: code ?? 1, said });
    });
  });
}
