import { KnestError } from '../../../errors.ts';
import { giveToUser, makeUserFolder } from '../../../workstation/user-file.ts';
import type { Workstation } from '../../../workstation/workstation.ts';
import type { BackupPlace } from './types.ts';

/** A folder of the machine where knest runs. */
export function folderPlace(folder: string, desk: Pick<Workstation, 'local' | 'env'>): BackupPlace {
  const { local } = desk;
  const path = (file: string): string => `${folder === '/' ? '' : folder}/${file}`;
  return {
    name: folder,
    write: async (file, content, signal) => {
      await makeUserFolder(desk, folder);
      const partial = `${path(file)}.partial`;
      // what a killed knest left would be added to
      await local.remove(partial);
      try {
        const size = await local.writeStream(partial, content, 0o600);
        signal.throwIfAborted();
        await local.run(['sync', '--', partial]);
        await local.rename(partial, path(file));
        await giveToUser(desk, path(file));
        return size;
      } catch (error) {
        await local.remove(partial).catch(() => undefined);
        throw error;
      }
    },
    list: async () => {
      const names = await local.list(folder);
      const infos = await Promise.all(names.map((name) => local.stat(path(name), { follow: true })));
      return names.flatMap((name, index) => {
        const info = infos[index];
        return info?.kind === 'file' ? [{ name, size: info.size }] : [];
      });
    },
    read: async (file) => {
      const info = await local.stat(path(file), { follow: true });
      if (info?.kind === 'file') return local.readStream(path(file));
      throw new KnestError(info ? `${path(file)} is not a file` : `there is no file ${path(file)}`, {
        code: 'BACKUP_UNUSABLE',
        hint: `what there is: knest backup list --from ${folder}`,
      });
    },
    remove: (file) => local.remove(path(file)),
  };
}
