/** Lines of several nodes, told apart by their beginning: "knest-worker2 | text". */

import type { NodeLine } from '../../api/commands.ts';
import type { Terminal } from '../terminal.ts';
import { nodeColours } from './colour.ts';

/**
 * Prints what nodes print, standard output and error each to where it belongs.
 * @param prefix false: the lines as they are
 */
export function linePrinter(
  nodes: readonly string[],
  prefix: boolean,
  { stdout, stderr, env }: Terminal,
): (line: NodeLine) => void {
  const width = Math.max(0, ...nodes.map(({ length }) => length));
  const colours = { stdout: nodeColours(stdout, env), stderr: nodeColours(stderr, env) };
  return ({ node, stream, text }) => {
    const output = stream === 'stdout' ? stdout : stderr;
    const colour = colours[stream](nodes.indexOf(node));
    // one write a line: others who write to the same terminal come before or after it
    output.write(prefix ? `${colour(`${node.padEnd(width)} |`)} ${text}\n` : `${text}\n`);
  };
}
