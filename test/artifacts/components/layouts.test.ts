import { describe, expect, it } from 'vitest';

import {
  checksumIn,
  componentLayouts,
  releaseUrl,
  versionSaid,
} from '../../../src/artifacts/components/layouts.ts';
import type { ComponentName } from '../../../src/spec/types.ts';

const sum = 'a'.repeat(64);
const other = 'b'.repeat(64);

describe('releases of the projects', () => {
  it.each<[ComponentName, string, string, string]>([
    [
      'containerd',
      '2.1.4',
      'containerd/containerd/releases/download/v2.1.4/containerd-2.1.4-linux-arm64.tar.gz',
      'containerd-2.1.4-linux-arm64.tar.gz.sha256sum',
    ],
    ['runc', '1.3.0', 'opencontainers/runc/releases/download/v1.3.0/runc.arm64', 'runc.sha256sum'],
    [
      'cniPlugins',
      '1.7.1',
      'containernetworking/plugins/releases/download/v1.7.1/cni-plugins-linux-arm64-v1.7.1.tgz',
      'cni-plugins-linux-arm64-v1.7.1.tgz.sha256',
    ],
    ['etcd', '3.6.1', 'etcd-io/etcd/releases/download/v3.6.1/etcd-v3.6.1-linux-arm64.tar.gz', 'SHA256SUMS'],
  ])('%s', (component, version, url, checksums) => {
    const layout = componentLayouts[component];
    const file = layout.file(version, 'arm64');
    expect(releaseUrl('https://github.com', component, version, file)).toBe(`https://github.com/${url}`);
    expect(layout.checksums(version, 'arm64')).toBe(checksums);
  });
});

describe('a checksum', () => {
  it.each([
    ['alone', sum],
    ['as sha256sum writes it', `${sum}  runc.amd64\n`],
    ['of a binary file', `${sum} *runc.amd64`],
    ['with the path of where it was made', `${sum}  ./release/runc.amd64`],
    ['among others', `${other}  runc.arm64\n${sum}  runc.amd64\n${other}  runc.amd64.asc\n`],
    ['signed', `-----BEGIN PGP SIGNED MESSAGE-----\n\n${sum.toUpperCase()}  runc.amd64\n`],
  ])('%s', (_how, text) => {
    expect(checksumIn(text, 'runc.amd64')).toBe(sum);
  });

  it.each([
    ['of other files only', `${other}  runc.arm64\n`],
    ['too short', 'abcdef  runc.amd64'],
    ['a page of HTML', '<html>not found</html>'],
  ])('%s is none', (_how, text) => {
    expect(checksumIn(text, 'runc.amd64')).toBeUndefined();
  });
});

describe('what programs say of themselves', () => {
  it.each([
    [
      'containerd github.com/containerd/containerd/v2 v2.1.4 75cb2b7193e4e490e9fbdc236c0e811ccaba3376',
      '2.1.4',
    ],
    ['containerd github.com/containerd/containerd 1.7.24~ds1 1.7.24~ds1-6+deb13u1', '1.7.24'],
    ['containerd github.com/containerd/containerd/v2 2.1.9+unknown', '2.1.9'],
    ['containerd github.com/containerd/containerd/v2 v2.4.0-beta.0 abc', '2.4.0-beta.0'],
    ['runc version 1.1.15+ds1\nspec: 1.2.0\ngo: go1.24.4', '1.1.15'],
    ['etcd Version: 3.5.16\nGit SHA: Not provided\nGo Version: go1.24.0', '3.5.16'],
    ['CNI bridge plugin v1.7.1\nCNI protocol versions supported: 0.1.0, 1.0.0', '1.7.1'],
  ])('%s', (text, version) => {
    expect(versionSaid(text)).toBe(version);
  });

  it('is nothing where they do not know: protocols are no versions of theirs', () => {
    const debian = 'CNI bridge plugin version unknown\nCNI protocol versions supported: 0.1.0, 0.2.0, 1.0.0';
    expect(versionSaid(debian)).toBeUndefined();
  });
});
