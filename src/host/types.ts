/**
 * The one door to a host: the machine on which clusters live. This one (local), this one through a byte stream
 * (loopback), one in memory (tests); ssh looks the same to callers. What is the user's own (environment, kubeconfig,
 * terminal, files that come with knest) is not behind this door: see src/workstation.
 */

import type { Duplex, Readable, Writable } from 'node:stream';

import type { ProcessIdentity } from './process.ts';

export interface RunOptions {
  /** Given to the program's standard input; without it stdin is empty. */
  input?: string | Uint8Array | Readable;
  /** Replaces the whole environment but PATH, HOME, TERM and a C.UTF-8 locale, which are always set. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** Exit codes that are results and not failures; default [0]. */
  okExitCodes?: readonly number[] | 'any';
  /** Milliseconds after which the program is killed and a CommandError (reason "timeout") is thrown. */
  timeout?: number;
  /** Called for each whole line of output while the program runs (progress of long work). */
  onLine?: (line: string) => void;
  /**
   * Kills the program (SIGTERM) when aborted; the call fails with the signal's reason. The program also gets SIGTERM
   * when knest itself dies.
   */
  signal?: AbortSignal;
}

/** Texts without the newline at their end. */
export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface SpawnOptions extends Pick<RunOptions, 'env' | 'cwd' | 'signal'> {
  /**
   * pipe (default): the three streams below. inherit: the program has knest's own standard streams, terminal
   * included, and its umask; where the host is another one, they are carried there and back.
   */
  stdio?: 'pipe' | 'inherit';
}

/** A program that runs. It gets SIGTERM when knest dies. */
export interface HostProcess {
  /** Its number on its host. */
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Exit code once it has ended and its output has been read to its end; 128 + n after signal n. */
  readonly exited: Promise<number>;
  /** Sends a signal to the program and to what it started. One that has ended is no error. */
  kill: (signal: NodeJS.Signals) => void;
}

export interface FileInfo {
  kind: 'file' | 'directory' | 'link' | 'other';
  /** Permission bits only, e.g. 0o644. */
  mode: number;
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970. */
  mtimeMs: number;
  /** Milliseconds since 1970 when anything about it was changed last. Unlike mtimeMs, no program can set it. */
  ctimeMs: number;
  /**
   * Stays the same as long as it is the same file and nobody has changed it, by whichever name it is found: device, inode,
   * size and both times to the nanosecond. To be compared, not read; devices are numbered anew when the host boots.
   */
  state: string;
  /** Numeric owner and group. */
  uid: number;
  gid: number;
}

/** One entry of a tree that is written in one go; paths are absolute. Parents are made (0755) where missing. */
export type TreeEntry =
  | { path: string; content: string | Uint8Array; mode: number }
  | { path: string; link: string }
  | { path: string; directory: true; mode: number };

/** Whatever is made has the mode that is asked for: the umask of who runs knest does not count. */
export interface Host {
  /** For messages: "localhost", "server2". */
  readonly name: string;
  /** Who knest is on this host, for locks: the process that ends when knest, or the way to it, does. */
  identity(): Promise<ProcessIdentity>;
  /** Runs a program to its end, with umask 022 whatever knest's own is. @throws CommandError when its exit code is not among okExitCodes. */
  run(argv: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** Starts a program, with umask 022, and hands out its streams. @throws CommandError when it cannot be started */
  spawn(argv: readonly string[], options?: SpawnOptions): Promise<HostProcess>;
  /**
   * A TCP connection as seen from this host.
   * @param options timeout: milliseconds until it must stand
   * @throws Error with Node's code (ECONNREFUSED, ETIMEDOUT, ...)
   */
  connect(
    address: string,
    port: number,
    options?: { timeout?: number; signal?: AbortSignal },
  ): Promise<Duplex>;
  /** The file's text, or undefined when there is no such file. */
  readFile(path: string): Promise<string | undefined>;
  /** The file's bytes, or undefined when there is no such file. */
  readBytes(path: string): Promise<Uint8Array | undefined>;
  /**
   * A large file piece by piece; the stream fails with code ENOENT when there is none.
   * @param range both ends belong to it, counted from 0
   */
  readStream(path: string, range?: { start: number; end?: number }): Readable;
  /**
   * Writes atomically (a new file, renamed over the old one), parents included; never briefly readable by others.
   * @param options sync: returns only when it is on the disk, for records that a power cut must not lose
   */
  writeFile(
    path: string,
    content: string | Uint8Array,
    mode: number,
    options?: { sync?: boolean },
  ): Promise<void>;
  /**
   * The same with a stream of any length.
   * @param options append: adds to the end of the file instead, which is made where missing; what has arrived stays
   *   when the stream breaks, for downloads that are continued
   * @returns bytes written
   */
  writeStream(path: string, content: Readable, mode: number, options?: { append?: boolean }): Promise<number>;
  /** Writes many entries with one call, each as writeFile, link and makeDirectory do. */
  put(entries: readonly TreeEntry[]): Promise<void>;
  /**
   * What is there; undefined when there is nothing.
   * @param options follow: of a link, what it leads to; without it, the link itself
   */
  stat(path: string, options?: { follow?: boolean }): Promise<FileInfo | undefined>;
  /** Names in a directory, sorted; empty when there is no such directory. */
  list(path: string): Promise<string[]>;
  /** Creates a directory and its parents (0755); sets the mode of the last one. */
  makeDirectory(path: string, mode: number): Promise<void>;
  /** Removes a file or a whole tree, on one file system only; nothing there is fine. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Copies a file or a tree with owners, modes, links and times; copy-on-write where the file system can. */
  copy(from: string, to: string): Promise<void>;
  /** Makes or replaces a symbolic link, atomically. */
  link(target: string, path: string): Promise<void>;
  /**
   * Makes a symbolic link unless the name exists: of several that try, one gets true. For locks. Parents are not made.
   */
  linkExclusively(target: string, path: string): Promise<boolean>;
  /** Where a symbolic link leads; undefined when there is nothing or no link. */
  readLink(path: string): Promise<string | undefined>;
  /** Ends what belongs to the connection. The local host has none. */
  close(): Promise<void>;
}
