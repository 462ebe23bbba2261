/** Config file + flags -> ClusterSpec. Flags win over the file; every problem of both is told at once. */

import { InputError, type Problem, type Subject } from '../errors.ts';
import { check } from './check.ts';
import { complete } from './complete/complete.ts';
import { certificateProblems } from './validate/certificates.ts';
import { componentProblems } from './validate/components.ts';
import { dnsProblems } from './validate/dns.ts';
import { hostNetworkProblems } from './validate/host-network.ts';
import { networkProblems } from './validate/networks.ts';
import { lanProblems } from './validate/lans.ts';
import { nodeProblems, nodeWarnings } from './validate/nodes.ts';
import { registryProblems, registryWarnings } from './validate/registries.ts';
import { configOfFlags, flagName, nodesOfFlags, type SpecFlags } from './flags.ts';
import { isKindConfig } from './kind/detect.ts';
import { readNodeImage, withImageVersion } from './kind/node-image.ts';
import { readKindConfig } from './kind/read.ts';
import { placesIn } from './places.ts';
import { keptPasswordHash } from './root-password.ts';
import { configPath, pathParts, valueAt, type At, type Path } from './problems.ts';
import { apiVersion, configKind, configSchema, type Config } from './schema.ts';
import type { ClusterSpec } from './types.ts';
import { componentNames } from './words.ts';
import { readYaml, withNumbersAsWritten, type Fault } from './yaml.ts';

export type { SpecFlags } from './flags.ts';

export interface SpecInput {
  config?: ConfigFile;
  flags: SpecFlags;
}

export interface ConfigFile {
  /** YAML or JSON: knest's own format, or kind's. */
  text: string;
  /** For messages. */
  name: string;
  /** What relative paths are relative to; only kind's format has such. Default: "/". */
  directory?: string;
}

export interface LoadedSpec {
  spec: ClusterSpec;
  /** The same for a cluster that is there: a password in clear text that it has already keeps its hash. */
  specFor: (present: ClusterSpec) => ClusterSpec;
  /** What was understood and still deserves a remark. */
  warnings: readonly Problem[];
  /** A problem that is found later, when the host is known, as the user knows it: by its place in the file, or its flag. */
  placed: (problem: Problem) => Problem;
}

/**
 * The complete spec of a cluster.
 * @throws InputError with every problem found in the file and in the flags.
 */
export function loadSpec({ config, flags }: SpecInput): LoadedSpec {
  const file = config === undefined ? nothing : readFile(config);
  const fromFile = check(configSchema, file.config, file.at);
  const image = readNodeImage(flags);
  const versioned = image.version === undefined ? flags : { ...flags, kubernetesVersion: image.version };
  const fromFlags = check(configSchema, configOfFlags(versioned), atFlag);
  const nodes = nodesOfFlags(flags, config && { name: config.name, nodes: fromFile.valid.nodes });
  const merged = merge(withImageVersion(fromFile.valid, image.version), {
    ...fromFlags.valid,
    ...(nodes.nodes && { nodes: nodes.nodes }),
  });
  const at: At = (path) => (valueAt(fromFlags.valid, path) === undefined ? file.at(path) : atFlag(path));
  const problems = [
    ...file.problems,
    ...fromFile.problems,
    ...fromFlags.problems,
    ...image.problems,
    ...nodes.problems,
    ...networkProblems(merged, at),
    ...lanProblems(merged, at),
    ...hostNetworkProblems(merged, at),
    ...nodeProblems(merged, at),
    ...registryProblems(merged, at),
    ...dnsProblems(merged, at),
    ...componentProblems(merged, at),
    ...certificateProblems(merged, at),
  ];
  if (problems.length > 0) throw new InputError(subjectOf(config?.name, problems), problems);
  const countedBy = flags.controlPlanes === undefined ? '--nodes' : '--control-planes';
  const atNodes: At = (path) => (nodes.nodes && path[0] === 'nodes' ? { path: countedBy } : at(path));
  const remarks = [...nodeWarnings(merged, atNodes), ...registryWarnings(merged, at)];
  const spec = complete(merged);
  const { rootPassword } = merged;
  return {
    spec,
    specFor: (present) =>
      rootPassword === undefined
        ? spec
        : { ...spec, rootPassword: keptPasswordHash(rootPassword, present.rootPassword) },
    warnings: [...image.warnings, ...file.warnings, ...remarks],
    placed: (problem) => ({ ...problem, ...placeOf(problem, merged, atNodes) }),
  };
}

/** Nothing for what neither the file nor a flag says, and for what has its place already. */
function placeOf({ path, place }: Problem, config: Partial<Config>, at: At): Subject | undefined {
  if (place !== undefined) return undefined;
  const parts = pathParts(path);
  return parts.length === 0 || valueAt(config, parts) === undefined ? undefined : at(parts);
}

/** A file in knest's words. */
interface ReadFile {
  config: unknown;
  at: At;
  problems: readonly Problem[];
  warnings: readonly Problem[];
}

const nothing: ReadFile = {
  config: { apiVersion, kind: configKind },
  at: (path) => ({ path: configPath(path) }),
  problems: [],
  warnings: [],
};

/** @throws InputError when the text is no YAML. */
function readFile({ text, name, directory = '/' }: ConfigFile): ReadFile {
  const yaml = readYaml(text);
  if ('faults' in yaml) throw notYaml(name, yaml.faults);
  const { data, document, read } = yaml;
  const at = placesIn(name, read);
  if (isKindConfig(data)) return readKindConfig(withNumbersAsWritten(document), directory, at);
  return { ...nothing, config: data, at };
}

function notYaml(file: string, faults: readonly Fault[]): InputError {
  const problems = faults.map(({ message, ...position }) => ({
    path: '',
    place: { file, ...position },
    message,
  }));
  return new InputError(`${file} is not valid YAML`, problems);
}

function atFlag(path: Path): Subject {
  return { path: flagName(path) };
}

/** Whose problems these are, for the headline. */
function subjectOf(file: string | undefined, problems: readonly Problem[]): string {
  const ofFlags = problems.filter(({ path }) => path.startsWith('--')).length;
  if (file === undefined || ofFlags === problems.length) return 'The flags';
  return ofFlags === 0 ? file : `${file} and the flags`;
}

function merge(file: Partial<Config>, flags: Partial<Config>): Partial<Config> {
  const manifests = [...(file.manifests ?? []), ...(flags.manifests ?? [])];
  return {
    ...file,
    ...flags,
    // to name one more does not take back those that the cluster is to have
    ...(manifests.length > 0 ? { manifests } : {}),
    network: { ...file.network, ...flags.network },
    components: mergeComponents(file.components, flags.components),
  };
}

/** A flag says one thing of a component: where it comes from, or which release it is; the rest is as in the file. */
function mergeComponents(file: Config['components'], flags: Config['components']): Config['components'] {
  const named = componentNames.flatMap((name) => {
    const own = flags?.[name];
    return own === undefined ? [] : [[name, { ...file?.[name], ...own }] as const];
  });
  return { ...file, ...Object.fromEntries(named) };
}
