import { dirname } from 'node:path';

import { KnestError } from '../../errors.ts';
import type { Host } from '../../host/types.ts';
import { written } from '../../plan/managers/systemd/names.ts';
import type { PlannedFile } from '../../plan/types.ts';

/**
 * Writes files among those of the host's administrator. Again is harmless.
 * @throws KnestError when one of them is there and not knest's: nothing is written then
 */
export async function writeHostFiles(host: Host, files: readonly PlannedFile[]): Promise<void> {
  await Promise.all(files.map((file) => refuseForeign(host, file)));
  await Promise.all(
    files.map(async ({ path, mode, content }) => {
      if ('link' in content) await host.link(content.link, path);
      else if ('text' in content) await host.writeFile(path, content.text, mode);
    }),
  );
}

/** Removes them, and the folders that were only there for them. */
export async function removeHostFiles(host: Host, files: readonly PlannedFile[]): Promise<void> {
  await Promise.all(files.map(({ path }) => host.remove(path)));
  const folders = [...new Set(files.map(({ path }) => dirname(path)))].filter((path) => ofUnits.test(path));
  // rmdir(1): not those in which somebody else has something
  if (folders.length > 0) await host.run(['rmdir', '--', ...folders], { okExitCodes: 'any' });
}

/** Folders that come with the first file in them; others (NetworkManager/conf.d) belong to packages. */
const ofUnits = /(\.service\.d|\.wants|\/systemd\/nspawn)$/;

async function refuseForeign(host: Host, { path, content }: PlannedFile): Promise<void> {
  if (!('text' in content) || !content.text.includes(written)) return;
  const present = await host.readFile(path);
  if (present === undefined || present.includes(written)) return;
  throw new KnestError(`${path} exists on ${host.name} and is not knest's`, {
    code: 'FILE_IN_THE_WAY',
    hint: 'it belongs to another machine of the same name: create the cluster under another name',
  });
}
