import { printableCommand } from '../../errors.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import { archivePath } from '../images-layer.ts';
import type { PlannedArchive } from '../types.ts';
import { k8sTarget, nothing } from './component.ts';
import type { Component } from './component.ts';

export const preloadUnit = 'knest-preload.service';
const script = '/usr/local/lib/knest/preload-images';

/**
 * Images that come with the node: archives in its root file system, brought into containerd when it boots. Nothing waits
 * for it but `knest create cluster`, after the nodes are Ready. What containerd has already, after a restart, is left
 * as it is.
 */
export const preloadedImages: Component = (_machine, { archives }) => {
  if (archives.length === 0) return nothing;
  return {
    ...nothing,
    files: [{ path: script, mode: 0o755, content: { text: preloadScript(archives) } }],
    units: [
      {
        name: preloadUnit,
        wantedBy: k8sTarget,
        text: renderUnit({
          Unit: {
            Description: 'Images that the node has from its beginning',
            Requires: 'containerd.service',
            // the sandbox image first, without which there is no pod
            After: 'containerd.service knest-images.service',
          },
          Service: {
            Type: 'oneshot',
            RemainAfterExit: 'yes',
            ExecStart: script,
            TimeoutStartSec: 'infinity',
            // not at the expense of what the node becomes Ready by
            Nice: '10',
          },
        }),
      },
    ],
  };
};

function preloadScript(archives: readonly PlannedArchive[]): string {
  return [
    '#!/bin/sh',
    '# Brings archives of images into containerd, unless it has all of their names.',
    'set -e',
    'known=$(ctr --namespace k8s.io images list --quiet)',
    `has() { for name; do printf '%s\\n' "$known" | grep -qxF -- "$name" || return 1; done; }`,
    ...archives.map((archive) => {
      const path = archivePath(archive);
      const has = printableCommand(['has', ...archive.images]);
      return `${has} || ctr --namespace k8s.io images import --digests=false ${path}`;
    }),
    '',
  ].join('\n');
}
