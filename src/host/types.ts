/** The one way to touch a host. Local now; ssh, memory (tests) and recording (dry runs) look the same to callers. */

export interface RunOptions {
  /** Given to the program's standard input; without it stdin is empty. */
  input?: string;
  /** Replaces the whole environment but PATH, HOME, TERM and a C.UTF-8 locale, which are always set. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Exit codes that are results and not failures; default [0]. */
  okExitCodes?: readonly number[] | 'any';
  /** Milliseconds after which the program is killed and a CommandError is thrown. */
  timeout?: number;
  /** Called for each whole line of output while the program runs (progress of long work). */
  onLine?: (line: string) => void;
  /** Kills the program (SIGTERM) when aborted. The program also gets SIGTERM when knest itself dies. */
  signal?: AbortSignal;
}

/** Texts without the newline at their end. */
export interface RunResult {
  exitCode: number;
  /** Text, without the newline at its end. */
  stdout: string;
  stderr: string;
}

export interface FileInfo {
  kind: 'file' | 'directory' | 'link' | 'other';
  /** Permission bits only, e.g. 0o644. */
  mode: number;
  /** Bytes. */
  size: number;
}

export interface Host {
  /** For messages: "localhost", "server2". */
  readonly name: string;
  /** Runs a program. @throws CommandError when its exit code is not among okExitCodes. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The file's text, or undefined when there is no such file. */
  readFile(path: string): Promise<string | undefined>;
  /** Writes atomically (a new file, renamed over the old one), parents included; never briefly readable by others. */
  writeFile(path: string, content: string | Uint8Array, mode: number): Promise<void>;
  /** Like lstat; undefined when there is nothing. */
  stat(path: string): Promise<FileInfo | undefined>;
  /** Names in a directory, sorted; empty when there is no such directory. */
  list(path: string): Promise<string[]>;
  /** Creates a directory and its parents; sets the mode of the last one. */
  makeDirectory(path: string, mode: number): Promise<void>;
  /** Removes a file or a whole tree, on one file system only; nothing there is fine. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Makes or replaces a symbolic link, atomically. */
  link(target: string, path: string): Promise<void>;
}
