import { CommandError } from '../errors.ts';
import type { FileInfo, Host, RunResult } from './types.ts';

/** What a scripted program answers; a function sees the argv and the input. */
export type ScriptedAnswer =
  Partial<RunResult> | ((argv: readonly string[], input?: string) => Partial<RunResult>);

export interface MemoryHostOptions {
  files?: Readonly<Record<string, string>>;
  /** By the beginning of the command as words joined by spaces; the longest match answers. */
  answers?: Readonly<Record<string, ScriptedAnswer>>;
}

export interface MemoryHost extends Host {
  readonly files: Map<string, { content: string; mode: number; link?: boolean }>;
  /** Every command that was run, in order. */
  readonly commands: (readonly string[])[];
}

/** A host that only exists in memory: for tests of what talks to a host. Commands that nothing answers fail. */
export function memoryHost(options: MemoryHostOptions = {}): MemoryHost {
  const files = new Map<string, StoredFile>(
    Object.entries(options.files ?? {}).map(([path, content]) => [path, { content, mode: 0o644 }]),
  );
  const commands: (readonly string[])[] = [];
  const answers = Object.entries(options.answers ?? {}).sort(([a], [b]) => b.length - a.length);
  return {
    name: 'memory',
    files,
    commands,
    run(argv, runOptions = {}) {
      commands.push(argv);
      const line = argv.join(' ');
      const found = answers.find(([start]) => line === start || line.startsWith(`${start} `));
      if (!found)
        return Promise.reject(new CommandError('memory', argv, 127, 'no answer scripted for this command'));
      const answer = typeof found[1] === 'function' ? found[1](argv, runOptions.input) : found[1];
      const result = { exitCode: 0, stdout: '', stderr: '', ...answer };
      for (const outputLine of result.stdout.split('\n').filter(Boolean)) runOptions.onLine?.(outputLine);
      const ok = runOptions.okExitCodes ?? [0];
      if (ok !== 'any' && !ok.includes(result.exitCode)) {
        return Promise.reject(new CommandError('memory', argv, result.exitCode, result.stderr));
      }
      return Promise.resolve(result);
    },
    readFile: (path) => Promise.resolve(files.get(path)?.content),
    writeFile(path, content, mode) {
      files.set(path, {
        content: typeof content === 'string' ? content : new TextDecoder().decode(content),
        mode,
      });
      return Promise.resolve();
    },
    stat: (path) => Promise.resolve(describe(files, path)),
    list(path) {
      const below = [...files.keys()].filter((file) => file.startsWith(`${path}/`));
      const names = below.map((file) => file.slice(path.length + 1).split('/')[0] ?? '');
      return Promise.resolve([...new Set(names)].filter(Boolean).sort());
    },
    makeDirectory(path, mode) {
      files.set(`${path}/`, { content: '', mode });
      return Promise.resolve();
    },
    remove(path) {
      for (const file of [...files.keys()]) {
        if (file === path || file.startsWith(`${path}/`)) files.delete(file);
      }
      return Promise.resolve();
    },
    rename(from, to) {
      for (const [path, stored] of [...files]) {
        if (path !== from && !path.startsWith(`${from}/`)) continue;
        files.delete(path);
        files.set(to + path.slice(from.length), stored);
      }
      return Promise.resolve();
    },
    link(target, path) {
      files.set(path, { content: target, mode: 0o777, link: true });
      return Promise.resolve();
    },
  };
}

interface StoredFile {
  content: string;
  mode: number;
  link?: boolean;
}

function describe(files: ReadonlyMap<string, StoredFile>, path: string): FileInfo | undefined {
  const file = files.get(path);
  if (file) return { kind: file.link ? 'link' : 'file', mode: file.mode, size: file.content.length };
  const isDirectory = [...files.keys()].some((other) => other.startsWith(`${path}/`));
  return isDirectory ? { kind: 'directory', mode: files.get(`${path}/`)?.mode ?? 0o755, size: 0 } : undefined;
}
