import type { Progress } from '../events.ts';
import type { HostFacts } from '../facts/types.ts';
import type { Host } from '../host/types.ts';
import type { Paths } from '../plan/types.ts';
import type { Environment } from '../workstation/environment.ts';

/** The user's own side, wherever the host is: what they name, and what comes with knest. */
export interface UserSide {
  /** The machine that the user sits at. */
  local: Host;
  /** The text of a file that comes with knest, by its path below assets/. */
  asset: (path: string) => Promise<string>;
  env: Environment;
}

/** What building a layer works with. */
export interface BuildContext {
  host: Host;
  user: UserSide;
  paths: Paths;
  facts: HostFacts;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

/** Where a build happens. */
export interface BuildFolders {
  /** The layer's tree being made; does not exist at first, is renamed when the build has succeeded. */
  target: string;
  /** For what the build needs besides; kept when knest is killed or interrupted, removed otherwise. */
  workspace: string;
}
