import { describe, expect, it } from 'vitest';

import { finish, pauseProgram, rootfsLayer } from '../../src/plan/image.ts';
import { someFacts } from '../artifacts/build-context.ts';

const image = { suite: 'trixie', mirror: undefined };
const apt = {
  mirror: 'http://host.example/debian',
  securityMirror: 'http://host.example/security',
  proxy: undefined,
};

describe('rootfsLayer', () => {
  it('names the layer by suite, architecture and a hash', () => {
    expect(rootfsLayer(image, someFacts()).id).toMatch(/^rootfs-trixie-amd64-[0-9a-f]{12}$/);
    expect(rootfsLayer({ ...image, suite: 'bookworm' }, someFacts({ arch: 'arm64' })).id).toMatch(
      /^rootfs-bookworm-arm64-/,
    );
  });

  it('is the same layer whichever mirror and proxy the host uses', () => {
    const layer = rootfsLayer(image, someFacts());
    const elsewhere = rootfsLayer(image, someFacts({ apt: { ...apt, proxy: 'http://proxy.example:3142' } }));
    expect(elsewhere.id).toBe(layer.id);
    expect(elsewhere).toMatchObject({
      mirror: apt.mirror,
      securityMirror: apt.securityMirror,
      proxy: 'http://proxy.example:3142',
    });
    expect(layer).toMatchObject({ mirror: undefined, securityMirror: undefined, proxy: undefined });
  });

  it('is another layer from a mirror that the user chose, without the host’s security mirror', () => {
    const snapshot = { ...image, mirror: 'http://snapshot.example/debian' };
    const layer = rootfsLayer(snapshot, someFacts({ apt }));
    expect(layer.id).not.toBe(rootfsLayer(image, someFacts({ apt })).id);
    expect(layer).toMatchObject({ mirror: snapshot.mirror, securityMirror: undefined });
  });

  it('keeps the security mirror when the mirror chosen is the host’s', () => {
    expect(rootfsLayer({ ...image, mirror: apt.mirror }, someFacts({ apt })).securityMirror).toBe(
      apt.securityMirror,
    );
  });

  it('requires the sandbox image’s program and CNI plugins', () => {
    const { requires } = rootfsLayer(image, someFacts());
    expect(requires).toEqual(
      expect.arrayContaining([pauseProgram, 'containerd', 'etcd', 'runc', 'portmap', 'host-local']),
    );
  });
});

describe('finish', () => {
  it('gives every machine its own id without a first boot', () => {
    expect(finish.files).toContainEqual({ path: '/etc/machine-id', mode: 0o444, content: { text: '' } });
  });

  it('disables what packages enabled, then masks what targets pull in', () => {
    expect(finish.remove).toContain('/etc/systemd/system');
    const masked = finish.files.filter(({ content }) => 'link' in content && content.link === '/dev/null');
    expect(masked.map(({ path }) => path)).toContain('/etc/systemd/system/console-getty.service');
    // machines bring units of their own under these names
    expect(masked.map(({ path }) => path)).not.toContain('/etc/systemd/system/containerd.service');
  });

  it('holds absolute paths only, nothing that it removes itself', () => {
    const paths = [...finish.remove, ...finish.upToDate, ...finish.files.map(({ path }) => path)];
    for (const path of paths) expect(path).toMatch(/^\/[^*?]+[^/]$/);
  });
});
