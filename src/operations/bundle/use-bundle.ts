import { parallel, runSequence, runStep } from '../../apply/runner.ts';
import type { Step } from '../../apply/runner.ts';
import { memberNames } from '../../artifacts/bundle/index-file.ts';
import { openBundle, readMember, verifyMember } from '../../artifacts/bundle/read.ts';
import type { Bundle } from '../../artifacts/bundle/read.ts';
import { verifyingKey } from '../../artifacts/bundle/signature.ts';
import { unpackLayer } from '../../artifacts/bundle/unpack.ts';
import { hasLayer } from '../../artifacts/layers.ts';
import { KnestError } from '../../errors.ts';
import { gatherFacts } from '../../observe/host/gather.ts';
import { gatherKernel } from '../../observe/host/kernel.ts';
import { unique } from '../../plan/spec-layers.ts';
import { parseLock } from '../../spec/lock.ts';
import type { Lock } from '../../spec/lock.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { openSession } from '../session.ts';
import type { Session } from '../session.ts';
import type { Context } from '../types.ts';
import type { BundleResult } from './create-bundle.ts';
import { readKey } from './keys.ts';
import { parseReferences, withReferences } from './references.ts';
import type { References } from './references.ts';

export interface BundleOptions extends Context {
  file: string;
  /** File with the public key (ed25519, PEM) whose owner must have signed it. */
  verifyKey?: string;
}

/** What a bundle has of a cluster besides layers. */
export interface BundledCluster {
  bundle: Bundle;
  /** The config's text, and how to call it. */
  config: { text: string; name: string };
  lock: Lock;
  references: References;
}

async function open(session: Session, { file, verifyKey }: BundleOptions): Promise<Bundle> {
  const { workstation } = session;
  const flag = '--verify-key';
  const pem = verifyKey === undefined ? undefined : await readKey(workstation, verifyKey, flag);
  return openBundle(workstation.local, file, pem === undefined ? undefined : verifyingKey(pem, flag));
}

/** Reads all of a bundle, and compares it with its index. @throws KnestError when it is not what it should be */
export async function verifyBundle(options: BundleOptions): Promise<BundleResult> {
  const session = openSession(options);
  const { workstation, listener, signal } = session;
  const bundle = await open(session, options);
  const { index, file, signed } = bundle;
  await runStep(
    {
      id: 'bundle',
      title: `Bundle ${file}`,
      run: async ({ progress, signal: own }) => {
        for (const member of index.members) {
          own.throwIfAborted();
          await verifyMember(workstation.local, bundle, member, progress);
        }
      },
    },
    listener,
    signal,
  );
  return { ...index, file, signed };
}

/** Config and lock of a bundle. @throws KnestError for one that this host cannot use, or that is not signed as wanted */
export async function readBundle(options: BundleOptions): Promise<BundledCluster> {
  const session = openSession(options);
  const { host, workstation } = session;
  const bundle = await open(session, options);
  const { file, index } = bundle;
  const { arch } = await gatherKernel(host);
  if (index.arch !== arch) {
    throw new KnestError(`${file} is for ${index.arch}, and ${host.name} is ${arch}`, {
      code: 'BUNDLE_UNUSABLE',
      hint: `make one on a host like this: knest bundle create`,
    });
  }
  const read = (name: string): Promise<string> => readMember(workstation.local, bundle, name);
  return {
    bundle,
    config: { text: await read(memberNames.config), name: `${file}:${memberNames.config}` },
    lock: parseLock(await read(memberNames.lock), `${file}:${memberNames.lock}`),
    references: parseReferences(await read(memberNames.references), `${file}:${memberNames.references}`),
  };
}

/** A spec with what a bundle has of it: the lock, and what the config points at. */
export function bundledSpec(
  spec: ClusterSpec,
  { lock, references }: Pick<BundledCluster, 'lock' | 'references'>,
): ClusterSpec {
  return withReferences({ ...spec, image: { ...spec.image, lock } }, references);
}

/**
 * Brings a bundle's layers into the cache, those that are not there; again is harmless.
 * @throws KnestError for a damaged one, and when there is no space
 */
export async function bringIn(context: Context, { bundle, lock }: BundledCluster): Promise<void> {
  const session = openSession(context);
  const { host, paths, workstation, listener, signal } = session;
  const facts = await gatherFacts(host, paths, workstation.env);
  const steps = unique(lock.layers).map((layer): Step => ({
    id: `layer/${layer.id}`,
    title: `${layer.id} from ${bundle.file}`,
    done: () => hasLayer(layer, { host, paths }),
    run: ({ progress, signal: own }) =>
      unpackLayer(bundle, layer, { host, user: workstation, paths, facts, progress, signal: own }),
  }));
  await runSequence(parallel(...steps), listener, signal);
}
