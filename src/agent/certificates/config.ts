import { readFile } from 'node:fs/promises';

import type { ApiAccess } from '../kubernetes/open-api.ts';

/** What a node is told of its certificates, written by the plan of the machine (JSON). */
export interface CertificatesConfig {
  /** Format, raised when readers must change. */
  version: 1;
  /** Name of the node. */
  node: string;
  /** Where they are: NAME.crt and NAME.key, PEM. */
  folder: string;
  certificates: readonly {
    name: string;
    /** Units that read it only when they start. */
    restart?: readonly string[];
  }[];
  /** Names of those who sign, whose keys are in the folder as well; none: control planes are asked for new certificates. */
  authorities: readonly string[];
  /** Seconds that new ones are good for. */
  validity: number;
  /** Seconds: a certificate is renewed when it has less left. */
  renewBefore: number;
  api: ApiAccess;
  /** Folder for what must outlive a renewal that is cut off: which units have yet to be restarted. */
  pending: string;
}

/** Who signs such requests: knest-agent of a control plane. */
export const renewalSigner = 'knest.dev/renewal';

/** Of a request: the certificate that is to be renewed, PEM. */
export const presentCertificate = 'knest.dev/present-certificate';

/** User name of a node's agent: its prefix. */
export const agentUser = 'system:knest-agent:';

/** @throws Error when there is none or it is of another format */
export async function readCertificatesConfig(path: string): Promise<CertificatesConfig> {
  const config = JSON.parse(await readFile(path, 'utf8')) as CertificatesConfig;
  if ((config.version as number) !== 1) throw new Error(`${path}: format ${config.version} is not known`);
  return config;
}
