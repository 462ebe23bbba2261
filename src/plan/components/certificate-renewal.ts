import type { CertificatesConfig } from '../../agent/contract.ts';
import { renderUnit } from '../../formats/systemd-unit.ts';
import { filesRead } from '../files-read.ts';
import { authorities } from '../pki.ts';
import type { ComponentPlan, PlannedFile } from '../types.ts';
import type { ClusterContext, MachineContext } from './component.ts';
import { k8sTarget, nothing, pkiFolder } from './component.ts';
import { agentPath, apiAccess, certificatesFile } from './knest-agent.ts';
import { publicFile, secretFile } from './pki-files.ts';

const service = 'knest-certificates.service';

/** Seconds between two looks at certificates that last for months. */
const usualPeriod = 12 * 60 * 60;

/**
 * Renews the machine's certificates before they end, without knest (Kubernetes: "Certificate Management with kubeadm" leaves
 * that to upgrades). Control planes have the keys of the authorities, as with kubeadm; other nodes ask them.
 * @param parts what the other components of the machine contribute
 */
export function certificateRenewal(
  machine: MachineContext,
  cluster: ClusterContext,
  parts: readonly ComponentPlan[],
): ComponentPlan {
  const { certificates } = cluster.spec;
  if (certificates === undefined) return nothing;
  const signs = machine.role === 'control-plane';
  const period = Math.min(usualPeriod, Math.max(5, Math.floor(certificates.renewBefore / 20)));
  const config: CertificatesConfig = {
    version: 1,
    node: machine.name,
    folder: pkiFolder,
    certificates: certificatesOf(parts),
    authorities: signs ? authorities.map(({ name }) => name) : [],
    validity: certificates.validity,
    renewBefore: certificates.renewBefore,
    api: apiAccess(machine, cluster, `knest-agent-${machine.name}`),
    pending: '/var/lib/knest-agent/restarts',
  };
  const text = `${JSON.stringify(config, undefined, 2)}\n`;
  return {
    ...nothing,
    files: [
      { path: certificatesFile, mode: 0o644, content: { text } },
      ...(signs
        ? authorities.flatMap(({ name }) => [publicFile(`${name}.crt`), secretFile(`${name}.key`)])
        : []),
    ],
    units: [
      {
        name: service,
        // it looks at certificates whenever it runs, and its authorities are those of that moment
        ignores: [...config.certificates.map(({ name }) => name), ...config.authorities].flatMap((name) => [
          `${pkiFolder}/${name}.crt`,
          `${pkiFolder}/${name}.key`,
        ]),
        text: renderUnit({
          Unit: { Description: 'Renews the certificates of this node that are about to end' },
          Service: {
            Type: 'oneshot',
            ExecStart: `/usr/bin/node --max-semi-space-size=2 --v8-pool-size=1 ${agentPath} certificates ${certificatesFile}`,
            TimeoutStartSec: '15min',
          },
        }),
      },
      {
        name: 'knest-certificates.timer',
        wantedBy: k8sTarget,
        text: renderUnit({
          Unit: { Description: 'Looks whether certificates of this node are about to end' },
          Timer: {
            // Not while the node starts. A machine that was off for months starts with what has ended meanwhile, and waits.
            OnActiveSec: `${Math.min(120, period)}s`,
            OnUnitInactiveSec: `${period}s`,
            // nodes one after the other where a unit has to be restarted
            RandomizedDelaySec: `${Math.floor(period / 10)}s`,
            AccuracySec: '1s',
          },
        }),
      },
    ],
  };
}

/** Certificates among the machine's files, each with the units that would go on with the old one. */
function certificatesOf(parts: readonly ComponentPlan[]): CertificatesConfig['certificates'] {
  const files = parts.flatMap((part) => part.files);
  const units = parts.flatMap((part) => part.units);
  const isLeaf = new Set(parts.flatMap(({ certificates }) => certificates.map(({ name }) => name)));
  const paths = new Map(files.flatMap((file) => nameOf(file, isLeaf)));
  return [...paths].sort().map(([name, path]) => {
    const restart = units.filter((unit) => filesRead(unit, { files }).has(path)).map((unit) => unit.name);
    return restart.length === 0 ? { name } : { name, restart };
  });
}

/** Also administrators' certificates are the machine's, which no component of it proves itself with. */
function nameOf({ path, content }: PlannedFile, names: ReadonlySet<string>): [string, string][] {
  if (!('pki' in content) || !content.pki.endsWith('.crt')) return [];
  const name = content.pki.slice(0, -'.crt'.length);
  const isAuthority = authorities.some((one) => one.name === name);
  return isAuthority || (!names.has(name) && name !== 'admin') ? [] : [[name, path]];
}
