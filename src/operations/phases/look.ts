import { listLayers } from '../../artifacts/layer-info.ts';
import { layerPath } from '../../artifacts/layers.ts';
import type { Check, HostFacts } from '../../facts/types.ts';
import { checkHost } from '../../observe/checks/check-host.ts';
import { lookAtPaths } from '../../observe/host/devices.ts';
import { gatherAptFacts, gatherFacts } from '../../observe/host/gather.ts';
import { pathsOfHost } from '../../plan/binds.ts';
import { rootfsLayer } from '../../plan/image.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import type { Session } from '../session.ts';

/** The second phase: what the host is, and what it lacks for a cluster. */
export interface HostLook {
  facts: HostFacts;
  checks: readonly Check[];
}

export interface LookOptions {
  tryFolders: boolean;
  folders?: HostFacts['folders'] | undefined;
  layersToCome?: readonly string[] | undefined;
}

/**
 * Looks at the host; installs nothing.
 * @param tryFolders also whether state and cache can be used where they are, for which a folder is made there for a moment
 * @param folders what an earlier look has found out about that
 * @param layersToCome ids of layers that need not be in the cache yet
 */
export async function lookAtHost(
  session: Session,
  spec: ClusterSpec,
  { tryFolders, folders, layersToCome = [] }: LookOptions,
): Promise<HostLook> {
  const { host, paths, workstation } = session;
  const [gathered, hostPaths] = await Promise.all([
    gatherFacts(host, paths, workstation.env, { tryFolders }),
    lookAtPaths(host, pathsOfHost(spec)),
  ]);
  const facts: HostFacts = { ...gathered, folders: gathered.folders ?? folders, hostPaths };
  const building = await lacksRootfs(session, spec, facts, layersToCome);
  // asking apt takes longer than all the rest: only when something is to be fetched from its mirrors
  const fetching =
    building ||
    (layersToCome.length === 0 && !(await listLayers(paths, host)).some(({ kind }) => kind === 'kubernetes'));
  const apt = fetching ? { apt: await gatherAptFacts(host) } : {};
  return { facts: { ...facts, ...apt }, checks: checkHost(facts, { building }) };
}

/** Whether a root file system of the spec is not in the cache and must be made. */
async function lacksRootfs(
  { host, paths }: Session,
  spec: ClusterSpec,
  facts: HostFacts,
  layersToCome: readonly string[],
): Promise<boolean> {
  const suites = new Set(spec.nodes.map(({ suite }) => suite ?? spec.image.suite));
  const missing = await Promise.all(
    [...suites].map(async (suite) => {
      const { id } = rootfsLayer({ ...spec.image, suite }, facts);
      return !layersToCome.includes(id) && (await host.stat(layerPath(paths, id))) === undefined;
    }),
  );
  return missing.includes(true);
}
