/** The examples of the library compile, with the types that its users get. */

import { fileURLToPath } from 'node:url';

import ts from 'typescript';
import { expect, it } from 'vitest';

import { examples } from './examples.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** What the compiler says of programs that are nowhere on the disk. */
function diagnose(programs: readonly { name: string; code: string }[]): string[] {
  const configFile = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(configFile.config, ts.sys, root);
  const files = new Map(programs.map(({ name, code }) => [`${root}test/docs/${name}.mts`, code]));
  const settings: ts.CompilerOptions = {
    ...options,
    paths: { knest: [`${root}src/api/index.ts`], 'knest/vitest': [`${root}src/api/vitest.ts`] },
  };
  const host = ts.createCompilerHost(settings);
  const disk = { ...host };
  host.fileExists = (path) => files.has(path) || disk.fileExists(path);
  host.readFile = (path) => files.get(path) ?? disk.readFile(path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const code = files.get(path);
    return code === undefined
      ? disk.getSourceFile(path, languageVersion, ...rest)
      : ts.createSourceFile(path, code, languageVersion);
  };
  const program = ts.createProgram([...files.keys()], settings, host);
  return [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    return ts
      .getPreEmitDiagnostics(program, source)
      .map(
        ({ messageText }) =>
          `${path.slice(root.length)}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
  });
}

it('there are examples, of the README too, of tests too', () => {
  const names = examples().map(({ name }) => name);
  expect(names).toContain('readme-1');
  expect(names).toContain('library-parts');
  expect(examples().filter(({ kind }) => kind === 'test')).not.toEqual([]);
});

it('every example compiles, and a wrong one would not', { timeout: 120_000 }, () => {
  const wrong =
    "import { createCluster, loadSpec } from 'knest';\nawait createCluster({ spec: loadSpec({ flags: {} }) });\n";
  const [first, ...more] = diagnose([...examples(), { name: 'wrong', code: wrong }]);
  expect(first).toMatch(/^test\/docs\/wrong\.mts: .*LoadedSpec/);
  expect(more).toEqual([]);
});
