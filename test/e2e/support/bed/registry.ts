import { expect } from 'vitest';

import { eventually } from '../eventually.ts';
import type { Bed } from './bed.ts';

const registry = 'http://127.0.0.1:5000/v2';
const text = 'kept';

/** OCI distribution specification, "Pushing a blob monolithically": POST, then PUT. */
const script = `
digest=sha256:$(printf %s "$1" | sha256sum | cut -d ' ' -f 1)
place=$(curl -sfi -X POST "$0/app/blobs/uploads/" | tr -d '\\r' | sed -n 's/^location: //Ip')
printf %s "$1" | curl -sf -X PUT -H 'Content-Type: application/octet-stream' --data-binary @- "$place&digest=$digest"
echo "$digest"`;

/** Pushes something to the cluster's registry, on the host at its usual port. Gives its digest. */
export function pushTo(bed: Bed): Promise<string> {
  return eventually('the registry takes it', () => bed.ok(['sh', '-ec', script, registry, text]), 60_000);
}

export function expectInRegistry(bed: Bed, digest: string): Promise<void> {
  return eventually(
    'the registry still has it',
    async () => {
      expect(await bed.ok(['curl', '-sf', '--max-time', '2', `${registry}/app/blobs/${digest}`])).toBe(text);
    },
    60_000,
  );
}
