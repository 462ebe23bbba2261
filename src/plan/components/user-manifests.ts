import type { ManifestsFile } from '../../agent/contract.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import { adminCertificate } from '../pki.ts';
import { afterApiServer, k8sTarget, nothing } from './component.ts';
import type { Component } from './component.ts';
import { agentPath, apiAccess } from './knest-agent.ts';
import { certificatePaths } from './pki-files.ts';

export const manifestsUnit = 'knest-manifests.service';
/** In the machine. */
export const manifestsFile = '/etc/kubernetes/knest-manifests.json';

/**
 * Objects of the config's `manifests`, applied whenever the first control plane starts; also when the list has become
 * empty, as what it had is taken away then.
 */
export const userManifests: Component = (machine, cluster) => {
  const { manifests } = cluster.spec;
  if (manifests === undefined || cluster.controlPlanes[0]?.name !== machine.name) return nothing;
  const file: ManifestsFile = {
    api: apiAccess(machine, cluster, adminCertificate),
    objects: manifests.flatMap(({ objects = [] }) => objects),
  };
  return {
    ...nothing,
    // manifests may have Secrets
    files: [
      { path: manifestsFile, mode: 0o600, content: { text: `${JSON.stringify(file, undefined, 2)}\n` } },
    ],
    units: [
      {
        name: manifestsUnit,
        wantedBy: k8sTarget,
        // it is done once it has run
        ignores: certificatePaths(adminCertificate),
        text: renderUnit({
          Unit: { Description: 'Manifests of the config', ...afterApiServer },
          Service: {
            Type: 'oneshot',
            RemainAfterExit: 'yes',
            ExecStart: `/usr/bin/node ${agentPath} manifests ${manifestsFile}`,
            // it tries until it has succeeded
            TimeoutStartSec: 'infinity',
          },
        }),
      },
    ],
  };
};
