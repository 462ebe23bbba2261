/** Where the CLI reads and writes: the process's own streams, or a test's. */

import { userEnvironment } from '../workstation/environment.ts';

export interface Output {
  write: (text: string) => void;
  isTTY: boolean;
  columns: number;
  rows: number;
  /** For libraries that draw on a stream themselves. */
  stream: NodeJS.WritableStream;
}

export interface Terminal {
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  stdinIsTTY: boolean;
  /** All of standard input as text. */
  readStdin: () => Promise<string>;
  /**
   * Hands on what is typed, as it comes and unseen; Ctrl-C is a key like others. Only where stdin is a terminal.
   * @returns what ends that
   */
  onKeys: (listener: (keys: string) => void) => () => void;
}

export function processTerminal(): Terminal {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: userEnvironment,
    get stdinIsTTY() {
      return process.stdin.isTTY;
    },
    readStdin: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
      return Buffer.concat(chunks).toString('utf8');
    },
    onKeys: (listener) => {
      const { stdin } = process;
      const onData = (chunk: Buffer): void => {
        listener(chunk.toString());
      };
      stdin.setRawMode(true);
      stdin.on('data', onData);
      return () => {
        stdin.off('data', onData);
        stdin.setRawMode(false);
        // else the process would go on waiting for keys
        stdin.pause();
      };
    },
  };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => {
      stream.write(text);
    },
    isTTY: stream.isTTY,
    get columns() {
      return stream.columns > 0 ? stream.columns : 80;
    },
    get rows() {
      return stream.rows > 0 ? stream.rows : 24;
    },
    stream,
  };
}
