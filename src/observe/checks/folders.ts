import type { Check, FolderTrial, HostFacts } from '../../facts/types.ts';
import { ok, problem, warning } from './verdicts.ts';

/** Where state and cache are: what was tried there. */
export function folderChecks(
  { folders }: Pick<HostFacts, 'folders'>,
  { building }: { building: boolean },
): Check[] {
  if (!folders) return [];
  const { cache } = folders;
  // layers are the lower part of overlays and are only read; devices are made in there while one is built
  const needed: readonly FolderTrial['failed'][number][] = building ? ['write', 'exec', 'device'] : ['write'];
  const failed = cache.failed.filter((one) => needed.includes(one));
  return [...check('state', folders.state), ...check('cache', { ...cache, failed })];
}

/** Over the network, or gone with the next boot. */
const network = ['nfs', 'nfs4', 'cifs', 'smb2', 'v9fs', '9p', 'virtiofs', 'ceph', 'afs', 'lustre', 'gpfs'];
const memory = ['tmpfs', 'ramfs'];

function check(what: 'state' | 'cache', { path, type, failed, said }: FolderTrial): Check[] {
  const name = `folder-${what}`;
  const variable = what === 'state' ? 'KNEST_STATE_DIR' : 'KNEST_CACHE_DIR';
  const elsewhere = `set ${variable} to a folder on a disk of this host (ext4, xfs, btrfs)`;
  const words = said === '' ? '' : ` (${said})`;
  const [worst] = failed;
  const place = `${path}, where knest's ${what} belongs, is on ${type} and`;
  if (worst === 'write')
    return [problem(name, `${place} cannot be written to${words}.`, `make room, or ${elsewhere}`)];
  if (worst === 'exec')
    return [
      problem(
        name,
        `${place} programs cannot be run from there${words}.`,
        `mount it without noexec, or ${elsewhere}`,
      ),
    ];
  if (worst === 'overlay')
    return [
      problem(name, `${place} no overlay can be mounted from there, as machines need it${words}.`, elsewhere),
    ];
  // only debootstrap and mmdebstrap make devices in there
  if (worst === 'device' && what === 'cache')
    return [
      problem(name, `${place} has no device files${words}.`, `mount it without nodev, or ${elsewhere}`),
    ];
  if (worst !== undefined) {
    const lack = failed
      .map((one) => (one === 'device' ? 'device files' : 'set-user-ID programs'))
      .join(' and ');
    return [
      warning(
        name,
        `${place} has no ${lack}: pods may miss them.`,
        `mount it without nodev and nosuid, or ${elsewhere}`,
      ),
    ];
  }
  if (memory.includes(type) && what === 'state')
    return [warning(name, `${place} is in memory: clusters are gone with the next boot.`, elsewhere)];
  if (network.includes(type))
    return [
      warning(
        name,
        `${place} is over the network: etcd and containers are slow there, if they work.`,
        elsewhere,
      ),
    ];
  return [ok(name, `Machines can be made in ${path} (${type}).`)];
}
