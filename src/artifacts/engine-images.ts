/** Images that container engines of the user's machine have. */

import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { CommandError, InputError, KnestError, messageOf, tail } from '../errors.ts';
import type { Host } from '../host/types.ts';
import { engineNames } from '../spec/words.ts';
import type { EngineName } from '../spec/words.ts';
import { asUserCommand, engineCommands, parseInspected } from '../tools/container-engines.ts';
import type { Environment } from '../workstation/environment.ts';

/** The user's machine and environment: DOCKER_HOST and the like say where an engine is. */
export interface Engines {
  local: Host;
  env: Environment;
}

/** An engine as somebody has it. */
interface Engine {
  name: EngineName;
  /** For messages: "podman of ann". */
  title: string;
  command: (argv: readonly string[]) => string[];
}

export interface EngineImage {
  /** As the user calls it. */
  name: string;
  engine: Engine;
  /** See parseInspected. */
  id?: string;
}

/** Milliseconds: a client may have a daemon to wait for. */
const patience = 30_000;

/**
 * Who has these images: for each the first engine that has it, and under sudo the engines of the user behind it as well.
 * @param from only this engine
 * @throws InputError with all images that nobody has, and what each engine says
 */
export async function findInEngines(
  engines: Engines,
  names: readonly string[],
  from?: EngineName,
): Promise<EngineImage[]> {
  const candidates = await enginesOf(engines, from);
  const found = await Promise.all([...new Set(names)].map((name) => find(engines, candidates, name)));
  const problems = found.flatMap((one) => ('problem' in one ? [one.problem] : []));
  if (problems.length > 0) throw new InputError('images', problems);
  return found.flatMap((one) => ('problem' in one ? [] : [one]));
}

async function enginesOf({ local, env }: Engines, from: EngineName | undefined): Promise<Engine[]> {
  const names = from === undefined ? engineNames : [from];
  const own = names.map((name): Engine => ({ name, title: name, command: (argv) => [...argv] }));
  const [uid, name] = [Number(env['SUDO_UID'] || 0), env['SUDO_USER'] ?? ''];
  if (!Number.isInteger(uid) || uid === 0 || name === '') return own;
  const { stdout } = await local.run(['getent', 'passwd', name], { okExitCodes: 'any' });
  const home = stdout.split(':')[5] ?? '';
  if (home === '') return own;
  const theirs = names
    // containerd itself is never one user's
    .filter((engine) => engine !== 'containerd')
    .map((engine): Engine => ({
      name: engine,
      title: `${engine} of ${name}`,
      command: (argv) => asUserCommand({ name, uid, home }, argv),
    }));
  return [...own, ...theirs];
}

type Answer = { id?: string } | { says: string } | 'not installed';

async function find(
  engines: Engines,
  candidates: readonly Engine[],
  name: string,
): Promise<EngineImage | { problem: { path: string; message: string; hint: string } }> {
  const said: string[] = [];
  for (const engine of candidates) {
    const answer = await ask(engines, engine, name);
    if (answer === 'not installed') continue;
    if (!('says' in answer)) return { name, engine, ...answer };
    said.push(`${engine.title}: ${answer.says}`);
  }
  const hint = 'pull or build it there; an archive goes in as well: knest load image-archive FILE';
  if (said.length > 0)
    return { problem: { path: name, message: `nobody has it (${said.join('; ')})`, hint } };
  const asked = candidates.map(({ title }) => title).join(', ');
  return { problem: { path: name, message: `none of these is installed: ${asked}`, hint } };
}

async function ask({ local, env }: Engines, engine: Engine, name: string): Promise<Answer> {
  try {
    const argv = engine.command(engineCommands[engine.name].inspect(name));
    const { stdout } = await local.run(argv, { env: valuesOf(env), timeout: patience });
    return parseInspected(engine.name, stdout) ?? { says: 'no such image' };
  } catch (error) {
    if (!(error instanceof CommandError)) return { says: messageOf(error) };
    // 127: runuser and env found no such program
    if (error.reason === 'notFound' || error.exitCode === 127) return 'not installed';
    return { says: tail(error.stderr, 1)[0] ?? error.summary };
  }
}

/** An archive of images as one engine writes it. The stream fails when the engine does. */
export function saveFromEngine(
  { local, env }: Engines,
  engine: Engine,
  names: readonly string[],
  signal: AbortSignal,
): Readable {
  return Readable.from(savedBy({ local, env }, engine, names, signal));
}

async function* savedBy(
  { local, env }: Engines,
  engine: Engine,
  names: readonly string[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const argv = engine.command(engineCommands[engine.name].save(names));
  const child = await local.spawn(argv, { env: valuesOf(env), signal });
  child.stdin.end();
  const complaints = text(child.stderr);
  yield* child.stdout as AsyncIterable<Uint8Array>;
  const exitCode = await child.exited;
  signal.throwIfAborted();
  if (exitCode === 0) return;
  throw new KnestError(`${engine.title} could not write ${names.join(', ')}`, {
    code: 'COMMAND_FAILED',
    details: tail(await complaints, 5),
  });
}

function valuesOf(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
