import type { FolderTrial } from '../../facts/types.ts';
import type { Host } from '../../host/types.ts';

const failures: readonly FolderTrial['failed'][number][] = ['write', 'exec', 'overlay', 'device', 'setuid'];

/**
 * In a mount namespace of its own, in a folder that is gone afterwards: what a file system says of itself is not what it
 * does. Overlays refuse other overlays, most network file systems, and some that claim to be local.
 */
const attempt = `
folder=$(mktemp -d "$1/.knest-try-XXXXXX") || { echo failed write; exit 0; }
trap 'umount "$folder/root" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder" && mkdir lower upper work root
head -c 1048576 /dev/zero > large && sync large || echo failed write
printf '#!/bin/sh\\nexit 0\\n' > lower/run && chmod 755 lower/run && lower/run || echo failed exec
mount -t overlay knest-try -o lowerdir=lower,upperdir=upper,workdir=work root && root/run && echo > root/new || echo failed overlay
mknod null c 1 3 && echo > null || echo failed device
cp "$(command -v id)" id && chmod 4755 id && [ "$(setpriv --reuid 65534 --clear-groups ./id -u)" = 0 ] || echo failed setuid
exit 0
`;

/** @param folder one that exists @returns undefined when nothing can be tried: without root, for one */
export async function tryFolder(host: Host, folder: string): Promise<FolderTrial | undefined> {
  const argv = ['unshare', '--mount', '--', 'sh', '-c', attempt, 'sh', folder];
  const [{ exitCode, stdout, stderr }, type] = await Promise.all([
    host.run(argv, { okExitCodes: 'any', timeout: 60_000 }),
    host.run(['stat', '--file-system', '--format', '%T', '--', folder]),
  ]);
  if (exitCode !== 0) return undefined;
  const words = new Set(stdout.split('\n'));
  return {
    path: folder,
    type: type.stdout.trim(),
    failed: failures.filter((one) => words.has(`failed ${one}`)),
    said: stderr.trim().split('\n')[0] ?? '',
  };
}
