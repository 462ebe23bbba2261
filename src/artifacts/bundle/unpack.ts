import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { KnestError, tail } from '../../errors.ts';
import type { LockedLayer } from '../../spec/lock.ts';
import { unpackCommand } from '../../tools/tar.ts';
import { layerInfo } from '../layer-info.ts';
import { installLayer } from '../layers.ts';
import type { BuildContext } from '../types.ts';
import { memberNames } from './index-file.ts';
import { memberOf, memberStream, verifyMember } from './read.ts';
import type { Bundle } from './read.ts';

/**
 * Brings a layer out of a bundle into the cache unless it is there. What is in it is compared with the digest in the index
 * before, and with the lock afterwards.
 * @throws KnestError
 */
export async function unpackLayer(bundle: Bundle, layer: LockedLayer, context: BuildContext): Promise<void> {
  const { host, user, facts, progress, signal } = context;
  const { id, content } = layer;
  await installLayer(
    {
      info: layerInfo(layer, facts.arch),
      content,
      make: async ({ target }) => {
        const member = memberOf(bundle, memberNames.layer(id));
        await verifyMember(user.local, bundle, member, progress);
        await host.makeDirectory(target, 0o755);
        progress('unpacking it');
        const process = await host.spawn(unpackCommand(target), signal === undefined ? {} : { signal });
        process.stdout.resume();
        const complaints = text(process.stderr);
        // why a program ends before it has read everything, it says itself
        await pipeline(memberStream(user.local, bundle.file, member), process.stdin).catch(() => undefined);
        const exitCode = await process.exited;
        signal?.throwIfAborted();
        if (exitCode !== 0) throw cannotUnpack(id, await complaints);
      },
    },
    context,
  );
}

function cannotUnpack(id: string, complaints: string): KnestError {
  const full = /no space left on device/i.test(complaints);
  return new KnestError(full ? `no space left for ${id}` : `${id} could not be unpacked`, {
    code: full ? 'DISK_FULL' : 'COMMAND_FAILED',
    details: tail(complaints, 5),
    hint: full ? 'free some space or use another disk: KNEST_CACHE_DIR=DIR' : 'run the same command again',
  });
}
