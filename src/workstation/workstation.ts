import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import { KnestError } from '../errors.ts';
import { localHost } from '../host/local.ts';
import type { Host } from '../host/types.ts';
import { userEnvironment } from './environment.ts';
import type { Environment } from './environment.ts';
import { packageFile } from './package-file.ts';

/** Where the user sits. Clusters may be on another host; what is here is the user's own and never behind that door. */
export interface Workstation {
  env: Environment;
  /** TERM, for programs that draw. */
  terminalType: string;
  /** This machine, for files and programs that the user names: kubeconfig, archives, binaries, certificates. */
  local: Host;
  stdin: () => Readable;
  /** The text of a file that comes with knest, by its path below assets/. */
  asset: (path: string) => Promise<string>;
}

export function thisWorkstation(): Workstation {
  return {
    env: userEnvironment,
    terminalType: userEnvironment['TERM'] ?? 'dumb',
    local: localHost(),
    stdin: () => process.stdin,
    asset,
  };
}

async function asset(path: string): Promise<string> {
  const file = packageFile(`assets/${path}`);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new KnestError(`knest is installed without its file ${file}`, {
      code: 'INSTALLATION_INCOMPLETE',
      hint: 'install knest again',
      cause: error,
    });
  }
}
