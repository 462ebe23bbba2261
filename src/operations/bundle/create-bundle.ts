import { parallel, runSequence, runStep } from '../../apply/runner.ts';
import { memberNames } from '../../artifacts/bundle/index-file.ts';
import type { BundleIndex } from '../../artifacts/bundle/index-file.ts';
import { packProgram } from '../../artifacts/bundle/program.ts';
import { signingKey } from '../../artifacts/bundle/signature.ts';
import { layerMember, textMember, writeBundle } from '../../artifacts/bundle/write.ts';
import { plannedLayers } from '../../plan/spec-layers.ts';
import { renderLock } from '../../spec/lock.ts';
import type { Lock } from '../../spec/lock.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { openGrowingFile } from '../../workstation/growing-file.ts';
import { giveToUser } from '../../workstation/user-file.ts';
import { choose, makeHostFit } from '../phases/acquire.ts';
import { resolveReferences } from '../phases/resolve-references.ts';
import { openSession } from '../session.ts';
import { layerStep } from '../steps.ts';
import type { Context } from '../types.ts';
import { readKey } from './keys.ts';
import { referencesOf } from './references.ts';

export interface CreateBundleOptions extends Context {
  /** With its lock. */
  spec: ClusterSpec;
  lock: Lock;
  /** The text of the config. */
  config: string;
  file: string;
  /** Version of this knest. */
  knest: string;
  /** File with the private key (ed25519, PEM) that signs it. */
  signKey?: string;
  /** May install missing host packages. */
  yes?: boolean;
}

export interface BundleResult extends BundleIndex {
  file: string;
  signed: boolean;
}

/**
 * Writes one file with everything that it takes to create a cluster of this spec: its layers (made where the cache does not
 * have them), lock and config with what it points at, knest itself, and the Node.js that runs it.
 * @throws InputError for what the spec points at and cannot be read; KnestError for what cannot be made or written
 */
export async function createBundle(options: CreateBundleOptions): Promise<BundleResult> {
  const session = openSession(options);
  const { host, paths, workstation, listener, signal } = session;
  const { lock, file, signKey } = options;
  const spec = { ...options.spec, image: { ...options.spec.image, lock } };
  const key =
    signKey === undefined
      ? undefined
      : signingKey(await readKey(workstation, signKey, '--sign-key'), '--sign-key');
  const facts = await makeHostFit(session, spec, { install: options.yes ?? false });
  const resolved = await resolveReferences(session, spec);
  const layers = plannedLayers(resolved, facts, await choose(session, spec, facts));
  const references = JSON.stringify(referencesOf(spec, resolved), null, 2);
  await runSequence(parallel(...layers.map((layer) => layerStep(session, facts, layer))), listener, signal);
  const growing = await openGrowingFile(file);
  try {
    const index = await runStep(
      {
        id: 'bundle',
        title: `Bundle ${file}`,
        run: ({ progress, signal: own }) =>
          writeBundle(
            growing,
            { knest: options.knest, arch: facts.arch, cluster: spec.name },
            [
              { name: memberNames.program, open: () => packProgram(workstation.local) },
              textMember(memberNames.config, options.config),
              textMember(memberNames.lock, renderLock(lock)),
              textMember(memberNames.references, `${references}\n`),
              ...layers.map(({ id }) => layerMember(host, paths, id)),
            ],
            { key, progress, signal: own },
          ),
      },
      listener,
      signal,
    );
    await growing.finish();
    await giveToUser(workstation, file);
    return { ...index, file, signed: key !== undefined };
  } finally {
    await growing.discard();
  }
}
