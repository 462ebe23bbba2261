/** Config file + flags -> ClusterSpec. Flags win over the file; every problem of both is told at once. */

import { LineCounter, parseDocument } from 'yaml';
import { InputError, type Problem } from '../errors.ts';
import { overlaps } from '../formats/cidr.ts';
import { configPath, problemsOfIssue, valueAt, type Path } from './problems.ts';
import { apiVersion, configKind, configSchema, type Config } from './schema.ts';
import type { ClusterSpec, KubernetesSource } from './types.ts';
import { normalizeUrl, normalizeVersion } from './values.ts';

/** What can be said on the command line; the same words as in the config file. */
export interface SpecFlags {
  name?: string;
  kubernetesVersion?: string;
  source?: string;
  releaseMirror?: string;
  suite?: string;
  mirror?: string;
  manager?: string;
  network?: string;
  nodeSubnet?: string;
  podSubnet?: string;
  serviceSubnet?: string;
}

export interface SpecInput {
  /** Text of the config file and its name for messages. */
  config?: { text: string; name: string };
  flags: SpecFlags;
}

const specDefaults = { name: 'knest', suite: 'trixie' } as const;

/**
 * The complete spec of a cluster.
 * @throws InputError with every problem found in the file and in the flags.
 */
export function loadSpec({ config, flags }: SpecInput): ClusterSpec {
  const file = config === undefined ? emptyConfig : readYaml(config.text, config.name);
  const fromFile = check(file, configPath);
  const fromFlags = check(configOfFlags(flags), flagName);
  const merged = merge(fromFile.sound, fromFlags.sound);
  const nameOf = (path: Path) =>
    valueAt(fromFlags.sound, path) === undefined ? configPath(path) : flagName(path);
  const problems = [...fromFile.problems, ...fromFlags.problems, ...contradictions(merged, nameOf)];
  if (problems.length > 0) throw new InputError(subjectOf(config?.name, problems), problems);
  return complete(merged);
}

/** The parts of a config that are sound by themselves. */
type Sound = Partial<Omit<Config, 'network'>> & { network?: Partial<NonNullable<Config['network']>> };

const emptyConfig = { apiVersion, kind: configKind };

function complete(config: Sound): ClusterSpec {
  return {
    name: config.name ?? specDefaults.name,
    kubernetes: {
      version:
        config.kubernetesVersion === undefined ? undefined : normalizeVersion(config.kubernetesVersion),
      source: sourceOf(config.source ?? 'auto'),
      releaseMirror: config.releaseMirror === undefined ? undefined : normalizeUrl(config.releaseMirror),
    },
    image: {
      suite: config.suite ?? specDefaults.suite,
      mirror: config.mirror === undefined ? undefined : normalizeUrl(config.mirror),
    },
    manager: config.manager ?? 'auto',
    network: {
      mode: config.network?.mode ?? 'bridge',
      nodeSubnet: config.network?.nodeSubnet,
      podSubnet: config.network?.podSubnet,
      serviceSubnet: config.network?.serviceSubnet,
    },
    nodes: config.nodes ?? [{ role: 'control-plane' }],
  };
}

function sourceOf(source: string): KubernetesSource {
  return source === 'auto' || source === 'release' || source === 'debian' ? source : { directory: source };
}

/** The YAML text as plain data. @throws InputError with every syntax error and its place. */
function readYaml(text: string, name: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) {
    const problems = faults.map(({ message, pos }) => {
      const { line, col } = lineCounter.linePos(pos[0]);
      return { path: `line ${line}, column ${col}`, message };
    });
    throw new InputError(`${name} is not valid YAML`, problems);
  }
  try {
    return document.toJS();
  } catch (error) {
    // Aliases without an anchor, or so many of them that they are an attack.
    throw new InputError(`${name} is not valid YAML`, [
      { path: configPath([]), message: error instanceof Error ? error.message : String(error) },
    ]);
  }
}

/** What the schema finds wrong, and what is left when that is taken out. */
function check(input: unknown, nameOf: (path: Path) => string): { sound: Sound; problems: Problem[] } {
  const result = configSchema.safeParse(input);
  if (result.success) return { sound: withoutUndefined(result.data), problems: [] };
  const problems = result.error.issues.flatMap((issue) => problemsOfIssue(issue, input, nameOf, knownKeys));
  const sound = structuredClone(input);
  for (const issue of result.error.issues) {
    const unknown =
      issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path];
    for (const path of unknown) remove(sound, path);
  }
  const rest = configSchema.partial().safeParse(sound);
  return { sound: rest.success ? withoutUndefined(rest.data) : {}, problems };
}

function knownKeys(path: Path): readonly string[] {
  if (path.length === 0) return Object.keys(configSchema.shape);
  if (path[0] === 'network') return Object.keys(configSchema.shape.network.unwrap().shape);
  return Object.keys(configSchema.shape.nodes.unwrap().element.shape);
}

/** Takes out of the data what an issue of the schema is about. */
function remove(data: unknown, path: Path): void {
  // A node with a bad role is still a node: without it the count would be wrong, so the whole list is set aside.
  const whole = path[0] === 'nodes' ? ['nodes'] : path;
  const parent = valueAt(data, whole.slice(0, -1));
  const last = whole.at(-1);
  if (typeof parent === 'object' && parent !== null && last !== undefined)
    Reflect.deleteProperty(parent, last);
}

/** What is wrong between values that are each fine. */
function contradictions(config: Sound, nameOf: (path: Path) => string): Problem[] {
  return [...overlappingSubnets(config, nameOf), ...nodeProblems(config, nameOf)];
}

function overlappingSubnets({ network = {} }: Sound, nameOf: (path: Path) => string): Problem[] {
  const subnets = (['nodeSubnet', 'podSubnet', 'serviceSubnet'] as const).flatMap((key) => {
    const cidr = network[key];
    return cidr === undefined ? [] : [{ cidr, name: nameOf(['network', key]) }];
  });
  return subnets.flatMap((one, index) =>
    subnets
      .slice(index + 1)
      .filter((other) => overlaps(one.cidr, other.cidr))
      .map((other) => ({ path: other.name, message: `${other.cidr} overlaps ${one.name} ${one.cidr}` })),
  );
}

function nodeProblems({ nodes }: Sound, nameOf: (path: Path) => string): Problem[] {
  if (nodes === undefined) return [];
  const path = nameOf(['nodes']);
  if (!nodes.some(({ role }) => role === 'control-plane')) {
    return [{ path, message: 'no control plane', hint: 'add "- role: control-plane"' }];
  }
  if (nodes.length === 1) return [];
  const message = `${nodes.length} nodes; this version of knest makes clusters of one control-plane node`;
  return [{ path, message, hint: 'keep one "- role: control-plane"; pods run on it, too' }];
}

/** The flags as a config file would say them. */
function configOfFlags({ network, nodeSubnet, podSubnet, serviceSubnet, ...rest }: SpecFlags): unknown {
  const flagsOfNetwork = withoutUndefined({ mode: network, nodeSubnet, podSubnet, serviceSubnet });
  return { ...emptyConfig, ...withoutUndefined(rest), network: flagsOfNetwork };
}

/** network.nodeSubnet -> --node-subnet */
function flagName(path: Path): string {
  const key = String(path.at(-1));
  if (key === 'mode') return '--network';
  const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return flag === '--release-mirror' ? `${flag} (or KNEST_RELEASE_MIRROR)` : flag;
}

/** Whose problems these are, for the headline. */
function subjectOf(file: string | undefined, problems: readonly Problem[]): string {
  const ofFlags = problems.filter(({ path }) => path.startsWith('--')).length;
  if (file === undefined || ofFlags === problems.length) return 'The flags';
  return ofFlags === 0 ? file : `${file} and the flags`;
}

function merge(file: Sound, flags: Sound): Sound {
  return { ...file, ...flags, network: { ...file.network, ...flags.network } };
}

function withoutUndefined<T extends object>(data: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
