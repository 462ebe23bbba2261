/** knests that work on a host on paper, one after the other, until a call to the host fails or one of them is killed. */

import { CommandError, KnestError, messageOf, printableCommand } from '../../../src/errors.ts';
import { inWords } from '../../../src/cli/system-errors.ts';
import type { StepEvent } from '../../../src/events.ts';
import type { Host, TreeEntry } from '../../../src/host/types.ts';
import { errorWithCode } from '../../../src/host/error-codes.ts';
import type { Context } from '../../../src/operations/types.ts';
import { thisWorkstation } from '../../../src/workstation/workstation.ts';
import { apiConnection, etcdConnection } from './paper-api.ts';
import { bootId, paths } from './paper-host.ts';
import type { PaperHost } from './paper-host.ts';

export type Verb = (context: Context) => Promise<unknown>;

/** What goes wrong. */
export interface Trouble {
  /**
   * once: the call fails, and those after it do not; exit: the same, and a program is one that ends with 1; kill: nothing
   * comes back any more.
   */
  kind: 'once' | 'exit' | 'kill';
  /** Which call, by its own class and how many of its kind were before it; or by how many calls there were at all. */
  at: { call: string; nth: number } | { count: number };
}

export interface Life {
  error: unknown;
  events: StepEvent[];
  calls: string[];
  /** The call that failed. */
  struck: string | undefined;
}

const etcdPort = 2379;

let lastKnest = 4300;

/** One command of a knest of its own: it runs, and has ended afterwards. */
export async function live(paper: PaperHost, verb: Verb, trouble?: Trouble): Promise<Life> {
  const pid = (lastKnest += 1);
  const ownStat = `/proc/${pid}/stat`;
  const zeros = Array.from({ length: 18 }, () => '0').join(' ');
  paper.host.files.set(ownStat, { content: `${pid} (knest) S ${zeros} 5 0\n`, mode: 0o444 });
  const dead = new AbortController();
  const life: Life = { error: undefined, events: [], calls: [], struck: undefined };
  const strike = (call: string): boolean => {
    const nth = life.calls.filter((one) => one === call).length;
    life.calls.push(call);
    if (!trouble) return false;
    if (dead.signal.aborted) return true;
    if (life.struck !== undefined) return false;
    const { at } = trouble;
    const hits = 'count' in at ? life.calls.length > at.count : at.call === call && at.nth === nth;
    if (!hits) return false;
    life.struck = call;
    if (trouble.kind === 'kill') dead.abort(new Error('killed'));
    return true;
  };
  const host = failing(paper, { pid, strike, exits: trouble?.kind === 'exit' });
  const workstation = { ...thisWorkstation(), env: { HOME: '/root' }, local: paper.host };
  try {
    await verb({
      ...{ host, workstation, paths, signal: dead.signal },
      listener: (event) => life.events.push(event),
    });
  } catch (error) {
    life.error = error;
  }
  await paper.host.remove(`/proc/${pid}`);
  return life;
}

/** The class of a call: the same work on another machine, file or process is the same. */
function classOf(method: string, subject: string): string {
  const short = subject
    .replaceAll(/knest-(control-plane|worker)\d?\b/g, 'NODE')
    .replace(/(\/NODE\/(upper|data)\/).*/, '$1*')
    .replace(/(\/machines\/NODE\/)(root|work|upper)$/, '$1FOLDER')
    .replace(/(\/pki\/).*/, '$1*')
    .replace(/(\/proc\/sys\/).*/, '$1*')
    .replaceAll(/\b\d{4,}\b/g, 'N')
    .replaceAll(/(\/(?:s?bin|net))\/\S*/g, '$1/*');
  return `${method} ${short.slice(0, 120)}`;
}

interface Failing {
  pid: number;
  strike: (call: string) => boolean;
  exits: boolean;
}

function failing(paper: PaperHost, { pid, strike, exits }: Failing): Host {
  const inner = paper.host;
  const wrapped = Object.entries(inner).map(([method, value]) => {
    if (typeof value !== 'function' || ['close', 'identity'].includes(method))
      return [method, value as unknown];
    const call = value as (...args: readonly unknown[]) => unknown;
    const own = (...args: readonly unknown[]): unknown => {
      const subject = subjectOf(method, args);
      if (!strike(classOf(method, subject))) return call(...args);
      if (method !== 'run') {
        const code = method === 'connect' ? 'ECONNRESET' : 'EIO';
        const error = Object.assign(errorWithCode(code, `scripted: ${method} ${subject}`), { path: subject });
        return Promise.reject(error);
      }
      const argv = args[0] as readonly string[];
      const { okExitCodes } = (args[1] ?? {}) as { okExitCodes?: unknown };
      if (exits && okExitCodes !== undefined)
        return Promise.resolve({ exitCode: 1, stdout: '', stderr: 'scripted failure' });
      return Promise.reject(new CommandError(inner.name, argv, 1, 'scripted failure'));
    };
    return [method, own];
  });
  const host = Object.fromEntries(wrapped) as Host;
  return {
    ...host,
    identity: () => Promise.resolve({ pid, startTime: '5', bootId }),
    connect: (address, port) =>
      strike(`connect ${port}`)
        ? Promise.reject(errorWithCode('ECONNRESET', `scripted: connect ${address}`))
        : port === etcdPort
          ? etcdConnection(paper, address)
          : apiConnection(paper),
  };
}

function subjectOf(method: string, args: readonly unknown[]): string {
  if (method === 'run' || method === 'spawn') return printableCommand(args[0] as readonly string[]);
  if (method === 'put') return (args[0] as readonly TreeEntry[]).map(({ path }) => path).join(' ');
  const second = ['rename', 'copy', 'link', 'linkExclusively'].includes(method);
  return String(args[second ? 1 : 0]);
}

/** An error that a user can understand: one of knest's own, or the kernel's refusal of a file. */
export function sayable(error: unknown): KnestError {
  const said = inWords(error, true);
  if (said instanceof KnestError) return said;
  throw new Error(`not for users: ${messageOf(error)}`, { cause: error });
}

/** The whole chain of causes, details and hints in one text. */
export function allWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const details = error instanceof KnestError ? [...error.details, error.hint ?? ''] : [];
  return [error.message, ...details, error.cause === undefined ? '' : allWords(error.cause)].join('\n');
}

/** Steps that were begun and of which nothing was said afterwards. */
export function untold(events: readonly StepEvent[]): string[] {
  const open = new Set<string>();
  for (const event of events) {
    if (event.type === 'started') open.add(event.id);
    else if (event.type === 'done' || event.type === 'failed') open.delete(event.id);
  }
  return [...open];
}

/** What failed steps failed with. */
export function failures(events: readonly StepEvent[]): unknown[] {
  return events.flatMap((event) => (event.type === 'failed' ? [event.error] : []));
}

export function notes(events: readonly StepEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
}

const writing = /^(run (?!stat|test|ip -j)|write|put|remove|rename|link|makeDirectory|connect|copy)/;

/**
 * Which calls of a good run are made to fail: of each class that changes something the first and the last, and some of
 * those that only look.
 * @param options looks: one of so many of these; last: not only the first call of a class
 */
export function sample(
  calls: readonly string[],
  { looks = 2, last: withLast = true }: { looks?: number; last?: boolean } = {},
): { call: string; nth: number }[] {
  return [...new Set(calls)].flatMap((call, index) => {
    if (!writing.test(call)) return index % looks === 0 ? [{ call, nth: 0 }] : [];
    const last = calls.filter((one) => one === call).length - 1;
    return [...new Set([0, withLast ? last : 0])].map((nth) => ({ call, nth }));
  });
}
