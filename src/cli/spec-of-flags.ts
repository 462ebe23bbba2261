/** Which cluster is meant, and what it is to become. */

import type { ClusterSpec } from '../api/commands.ts';
import { InputError } from '../errors.ts';
import type { Listener } from '../events.ts';
import { withPlacesOf } from '../spec/locate-problems.ts';
import { defaults } from '../spec/words.ts';
import type { SpecOptions } from './options.ts';
import { readSpec, tellRemarks } from './read-spec.ts';
import type { Terminal } from './terminal.ts';

export interface WantedCluster {
  name: string;
  /** undefined: it is to become what it is. */
  spec: ((present: ClusterSpec) => ClusterSpec) | undefined;
  /** Problems that are found later say where in the config they are, too. */
  withPlaces: <T>(work: Promise<T>) => Promise<T>;
}

/**
 * @param cluster the argument; it must not contradict --name, nor the config's name
 * @throws InputError
 */
export async function specOfFlags(
  terminal: Terminal,
  cluster: string | undefined,
  flags: SpecOptions,
  listener: Listener,
): Promise<WantedCluster> {
  const named = cluster ?? flags.name;
  if (cluster !== undefined && flags.name !== undefined && cluster !== flags.name) {
    const message = `is ${flags.name}, and the argument is ${cluster}`;
    throw new InputError('The flags', [{ path: '--name', message }]);
  }
  if (flags.config === undefined) {
    return { name: named ?? defaults.name, spec: undefined, withPlaces: (work) => work };
  }
  const loaded = await readSpec(terminal, { ...flags, ...(named === undefined ? {} : { name: named }) });
  tellRemarks(loaded, listener);
  const { spec, specFor, file } = loaded;
  return {
    name: spec.name,
    // a lock file says more than the config does
    spec: (present) => ({ ...spec, rootPassword: specFor(present).rootPassword }),
    withPlaces: async (work) => {
      try {
        return await work;
      } catch (error) {
        throw error instanceof InputError && file ? withPlacesOf(file, error) : error;
      }
    },
  };
}
