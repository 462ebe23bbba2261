/** A text in the user's editor. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InputError, KnestError } from '../errors.ts';
import type { Terminal } from './terminal.ts';

/**
 * Opens a text in $KUBE_EDITOR, $VISUAL or $EDITOR, else in vi, and gives back what was saved.
 * @param name of the file, by whose end editors know what it is
 * @throws KnestError when the editor fails; InputError where it has no terminal
 */
export async function edit(text: string, name: string, { env }: Terminal): Promise<string> {
  const editor = [env['KUBE_EDITOR'], env['VISUAL'], env['EDITOR']].find((one) => one) ?? 'vi';
  const folder = await mkdtemp(join(tmpdir(), 'knest-edit-'));
  const file = join(folder, name);
  try {
    // it may have passwords
    await writeFile(file, text, { mode: 0o600 });
    // a shell, as the variables may have flags: "code --wait"
    const child = spawn('sh', ['-c', `${editor} "$@"`, editor, file], { stdio: 'inherit' });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code === 127) {
      const message = `"${editor}" is not to be found`;
      throw new InputError('environment', [
        { path: 'EDITOR', message, hint: 'KUBE_EDITOR=nano knest edit ...' },
      ]);
    }
    if (code !== 0) {
      throw new KnestError(`the editor ended with ${code ?? 'a signal'}: nothing was changed`, {
        code: 'COMMAND_FAILED',
        hint: `${editor} ${file}`,
      });
    }
    return await readFile(file, 'utf8');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
