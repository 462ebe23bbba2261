/** Runs something in several nodes at once, with their lines told apart. */

import type { NodeExit, NodeLine } from '../api/commands.ts';
import type { Context } from '../api/commands.ts';
import type { Cli } from './cli.ts';

/**
 * The first Ctrl-C ends what runs in the nodes; no words about it, as there are none when a single program is ended.
 * @returns 0 when all ended with 0, else the highest exit code; 128 + the signal's number after an interruption
 */
export async function inSeveralNodes(
  cli: Cli,
  nodes: readonly string[],
  prefix: boolean,
  run: (
    options: Required<Pick<Context, 'signal'>> & { onLine: (line: NodeLine) => void },
  ) => Promise<NodeExit[]>,
): Promise<number> {
  const { linePrinter } = await import('./output/prefixed.ts');
  const onLine = linePrinter(nodes, prefix, cli.terminal);
  const exits = await run({ signal: cli.interruption.signal, onLine });
  return cli.interruption.exitCode() ?? Math.max(0, ...exits.map(({ exitCode }) => exitCode));
}
