/** The cluster that flags, a config file or a bundle ask for: what `create` makes and `plan` shows. */

import type { BundledCluster } from '../api/commands.ts';
import { InputError } from '../errors.ts';
import type { Listener } from '../events.ts';
import type { Api } from './cli.ts';
import { given, type BundleFlags, type SpecOptions } from './options.ts';
import { readBundledSpec, readSpec, tellRemarks, type ReadSpec } from './read-spec.ts';
import type { Terminal } from './terminal.ts';

export interface Wanted extends ReadSpec {
  /** What it is made of; undefined: no bundle was named. */
  bundled: BundledCluster | undefined;
}

/** @throws InputError, or KnestError for a bundle that this host cannot use */
export async function readWanted(
  terminal: Terminal,
  api: Api,
  flags: SpecOptions & BundleFlags,
): Promise<Wanted> {
  const bundled = await readBundle(api, flags);
  if (!bundled) return { ...(await readSpec(terminal, flags)), bundled };
  const loaded = await readBundledSpec(terminal, flags, bundled);
  return { ...loaded, spec: api.bundledSpec(loaded.spec, bundled), bundled };
}

/** What there is to say about it, as notes of the story. */
export function tellWanted(wanted: Wanted, flags: BundleFlags, listener: Listener): void {
  tellRemarks(wanted, listener);
  if (wanted.bundled) tellWhetherSigned(wanted.bundled, flags, listener);
}

/** @throws InputError for flags that do not go together */
async function readBundle(
  api: Api,
  { bundle, verifyKey, locked, lock }: SpecOptions & BundleFlags,
): Promise<BundledCluster | undefined> {
  if (bundle === undefined) {
    if (verifyKey === undefined) return undefined;
    throw new InputError('The flags', [{ path: '--verify-key', message: 'is for a bundle: --bundle FILE' }]);
  }
  if (locked !== undefined || lock === false) {
    const path = lock === false ? '--no-lock' : '--locked';
    throw new InputError('The flags', [{ path, message: 'is not for a bundle, which has its own lock' }]);
  }
  return api.readBundle({ file: bundle, ...given({ verifyKey }) });
}

function tellWhetherSigned({ bundle }: BundledCluster, { verifyKey }: BundleFlags, listener: Listener): void {
  if (verifyKey !== undefined || !bundle.signed) return;
  const message = `${bundle.file} is signed; by whom is not looked at without --verify-key`;
  listener({ type: 'note', level: 'info', message });
}
