import { expect, it } from 'vitest';

import { parseSnapshotStatus, restoreSnapshotCommand } from '../../src/tools/etcdctl.ts';
import { layeredCommand } from '../../src/tools/layered-root.ts';

it('a member is restored with all the others', () => {
  expect(
    restoreSnapshotCommand('/usr/bin/etcdctl', {
      file: '/srv/s.db',
      dataDir: '/mnt/data',
      name: 'b',
      members: { a: 'https://10.0.0.2:2380', b: 'https://10.0.0.3:2380' },
      token: 't',
    }),
  ).toEqual([
    ...['/usr/bin/etcdctl', 'snapshot', 'restore', '/srv/s.db', '--data-dir=/mnt/data', '--name=b'],
    '--initial-cluster=a=https://10.0.0.2:2380,b=https://10.0.0.3:2380',
    '--initial-cluster-token=t',
    '--initial-advertise-peer-urls=https://10.0.0.3:2380',
  ]);
});

it('what etcdctl 3.4.23 and etcdutl say of a snapshot is understood, and nothing else', () => {
  expect(parseSnapshotStatus('{"hash":60295401,"revision":21,"totalKey":24,"totalSize":24576}\n')).toEqual({
    hash: 60295401,
    revision: 21,
    totalKeys: 24,
    size: 24576,
  });
  expect(parseSnapshotStatus('Error: snapshot file integrity check failed')).toBeUndefined();
  expect(parseSnapshotStatus('{}')).toBeUndefined();
});

it('layers are an overlay, a single one is bound', () => {
  const run = { root: '/r', binds: { '/data': '/mnt' }, argv: ['/usr/bin/etcdctl', 'version'] };
  const words = (layers: string[]): string => layeredCommand({ ...run, layers }).join(' ');
  expect(words(['/l/top', '/l/rootfs'])).toContain(
    'mount -t overlay -o ro,lowerdir=/l/top:/l/rootfs -- overlay /r',
  );
  expect(words(['/l/rootfs'])).toContain('mount --bind -o ro -- /l/rootfs /r');
  expect(words(['/l/rootfs'])).toContain('mount --bind -- /data /r/mnt 0 /usr/bin/etcdctl version');
});
