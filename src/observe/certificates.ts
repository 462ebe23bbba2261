import type { Host } from '../host/types.ts';
import type { KeyMaterial } from '../pki/issue.ts';
import { secondsLeft } from '../pki/issue.ts';
import type { ClusterPlan } from '../plan/types.ts';

export interface CertificateEnd {
  name: string;
  /** ISO 8601. */
  expires: string;
}

/**
 * When the certificates of a cluster end: as machines have them, which renew theirs, and of several of one name the one that
 * ends first. What no machine has is the cluster's own. Works with machines that are off, too.
 */
export async function certificateEnds(
  host: Host,
  { machines }: Pick<ClusterPlan, 'machines'>,
  material: KeyMaterial,
): Promise<CertificateEnd[]> {
  const now = new Date();
  const inMachines = machines.flatMap(({ upper, files }) =>
    files.flatMap(({ path, content }) =>
      'pki' in content && content.pki.endsWith('.crt') && !content.first
        ? [{ file: content.pki, path: `${upper}${path}` }]
        : [],
    ),
  );
  const found = await Promise.all(
    inMachines.map(async ({ file, path }) => ({
      file,
      text: await host.readFile(path).catch(() => undefined),
    })),
  );
  const left = new Map<string, number>();
  const note = (file: string, text: string): void => {
    const seconds = secondsOf(text, now);
    if (seconds !== undefined) left.set(file, Math.min(seconds, left.get(file) ?? Infinity));
  };
  for (const { file, text } of found) if (text !== undefined) note(file, text);
  for (const [file, text] of material) if (file.endsWith('.crt') && !left.has(file)) note(file, text);
  return [...left]
    .map(([file, seconds]) => ({
      name: file.slice(0, -'.crt'.length),
      expires: new Date(Math.round((now.getTime() + seconds * 1000) / 1000) * 1000).toISOString(),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** undefined: somebody has put something else there. */
function secondsOf(text: string, now: Date): number | undefined {
  try {
    return secondsLeft(text, now);
  } catch {
    return undefined;
  }
}
