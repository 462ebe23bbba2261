/** What machines stand on, as data. */

import type { DebianTree } from '../spec/lock.ts';
import type { ComponentName } from '../spec/types.ts';

/** A read-only directory tree in the cache, named by what made it. Machines are overlays of layers. */
export type PlannedLayer = (
  | {
      kind: 'rootfs';
      /** Directory name below <cache>/layers. */
      id: string;
      suite: string;
      /** undefined: the bootstrap tool's default mirror. */
      mirror: string | undefined;
      securityMirror: string | undefined;
      packages: readonly string[];
      /** Programs that must exist in the result, or the build has failed. */
      requires: readonly string[];
      proxy: string | undefined;
      /** What it is made of, to the last package; else of what the mirror has. */
      locked?: DebianTree;
    }
  | {
      kind: 'kubernetes';
      id: string;
      version: string;
      source: ResolvedSource;
      /** sha256 of each binary, by name, where that is settled. */
      binaries?: Readonly<Record<string, string>>;
    }
  | ComponentLayer
  | { kind: 'images'; id: string; archives: readonly PlannedArchive[] }
) & {
  /** What must be in it, where that is settled: see contentHashCommand. */
  content?: string;
};

/** An archive of images that machines find in their root file system. */
export interface PlannedArchive {
  /** The user's file. */
  file: string;
  /** sha256 of the archive, not compressed; also its name in the layer. */
  digest: string;
  images: readonly string[];
}

/** Where the Kubernetes binaries come from, decided. */
export type ResolvedSource =
  | { kind: 'release'; baseUrl: string }
  | { kind: 'debian'; suite: string; mirror: string | undefined; proxy: string | undefined }
  | { kind: 'directory'; directory: string; digest: string };

/** Where a component comes from that is not of the node's Debian suite. */
export type OutsideSource = Exclude<ResolvedSource, { kind: 'debian' }>;

/** A component over that of the Debian suite, at the same paths. */
export interface ComponentLayer {
  kind: 'component';
  id: string;
  component: ComponentName;
  /** undefined: the binaries do not tell. */
  version: string | undefined;
  source: OutsideSource;
  /** Of a release: sha256 of the file that is downloaded. */
  sha256?: string;
  /** What must be in it, where that is settled. */
  content?: string;
}
