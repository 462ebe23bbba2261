/** Colours, where they are wanted (https://no-color.org) and where there is a terminal to show them. */

import pc from 'picocolors';
import type { Output } from '../terminal.ts';
import type { Palette } from './frame.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export function paletteFor(output: Output, env: Environment): Palette {
  const { green, red, yellow, cyan, dim } = pc.createColors(wanted(output, env));
  return { good: green, bad: red, warning: yellow, busy: cyan, faint: dim };
}

/** A colour for each of several nodes, by their place among them; neighbours differ. Red is left to errors. */
export function nodeColours(output: Output, env: Environment): (index: number) => (text: string) => string {
  const { cyan, yellow, green, magenta, blue, cyanBright, yellowBright, greenBright, magentaBright } =
    pc.createColors(wanted(output, env));
  const colours = [cyan, yellow, green, magenta, blue, cyanBright, yellowBright, greenBright, magentaBright];
  return (index) => colours[index % colours.length] ?? cyan;
}

function wanted(output: Output, env: Environment): boolean {
  return (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb' && output.isTTY;
}
