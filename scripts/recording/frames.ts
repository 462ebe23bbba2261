/** What a terminal shows over time, as rows of coloured text. */

import xterm from '@xterm/headless';
import type { IBuffer, IBufferCell, Terminal } from '@xterm/headless';

/** Something written to a terminal. */
export interface Chunk {
  /** Seconds since the start. */
  at: number;
  data: string | Uint8Array;
}

/** Characters beside each other that look alike. */
export interface Run {
  column: number;
  text: string;
  /** Number in the terminal's palette of 256; undefined: the usual colour. */
  colour: number | undefined;
  bold: boolean;
  dim: boolean;
}

export type Row = readonly Run[];

export interface Frame {
  /** Seconds since the start. */
  at: number;
  rows: readonly Row[];
}

export interface Size {
  columns: number;
  rows: number;
}

/** Pictures closer together than this are one: a redrawn list is cleared and written again. */
const shortest = 0.03;

/** Feeds a terminal and looks at it after each chunk; a frame is there only where something changed. */
export async function framesOf(chunks: readonly Chunk[], { columns, rows }: Size): Promise<Frame[]> {
  const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true });
  const frames: Frame[] = [];
  for (const [index, { at, data }] of chunks.entries()) {
    await new Promise<void>((written) => {
      terminal.write(data, written);
    });
    const next = chunks[index + 1];
    if (next !== undefined && next.at - at < shortest) continue;
    const shown = rowsOf(terminal);
    if (JSON.stringify(shown) !== JSON.stringify(frames.at(-1)?.rows)) frames.push({ at, rows: shown });
  }
  terminal.dispose();
  return frames;
}

function rowsOf(terminal: Terminal): Row[] {
  const buffer = terminal.buffer.active;
  const rows = Array.from({ length: terminal.rows }, (_, index) => rowOf(buffer, buffer.viewportY + index));
  const last = rows.findLastIndex((row) => row.length > 0);
  return rows.slice(0, last + 1);
}

function rowOf(buffer: IBuffer, index: number): Row {
  const line = buffer.getLine(index);
  const runs: Run[] = [];
  for (let column = 0; column < (line?.length ?? 0); column += 1) {
    const cell = line?.getCell(column);
    const text = cell?.getChars() ?? '';
    const last = runs.at(-1);
    if (!cell || text === '') continue;
    const style = styleOf(cell);
    if (last && last.column + last.text.length === column && (text === ' ' || sameStyle(last, style))) {
      last.text += text;
    } else if (text !== ' ') {
      runs.push({ column, text, ...style });
    }
  }
  return runs.map((run) => ({ ...run, text: run.text.trimEnd() }));
}

type Style = Pick<Run, 'colour' | 'bold' | 'dim'>;

function styleOf(cell: IBufferCell): Style {
  return {
    colour: cell.isFgPalette() ? cell.getFgColor() : undefined,
    bold: cell.isBold() !== 0,
    dim: cell.isDim() !== 0,
  };
}

function sameStyle(a: Style, b: Style): boolean {
  return a.colour === b.colour && a.bold === b.bold && a.dim === b.dim;
}
