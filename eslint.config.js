import eslint from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

import { layersRule } from './scripts/lint/imports-rule.js';
import { pureFolders } from './scripts/lint/layers.js';

/** What pure folders may not import: whatever touches the world. */
const worldly = {
  patterns: [
    {
      group: ['node:fs*', 'node:child_process', 'node:os', 'node:net', 'node:http*', 'execa', 'undici'],
      message: 'this folder is pure: pass the fact in instead',
    },
  ],
};

/** What goes past Host and Workstation: files, programs, the network. */
const pastHost = {
  patterns: [
    {
      group: [
        ...[
          'node:fs',
          'node:fs/*',
          'node:child_process',
          'node:net',
          'node:tls',
          'node:http',
          'node:https',
          'node:http2',
        ],
        ...['fs', 'fs/*', 'child_process', 'net', 'tls', 'http', 'https', 'undici', 'nano-spawn', 'execa'],
      ],
      message:
        "a host is reached through Host (src/host), the user's own through Workstation (src/workstation)",
    },
  ],
};

/** What the user has set counts where the user is: see Workstation.env. */
const noEnvironment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: "the environment is the user's: Workstation.env",
};

const namedExports = { selector: 'ExportDefaultDeclaration', message: 'use named exports' };

/** Modules that may have one of those, and why. */
const allowedPastHost = [
  // a program of its own inside the machines
  'src/agent/**/*.ts',
  // HTTP and TLS over the connections that Host opens
  'src/clients/https.ts',
  // knest itself asks web servers, by the user's proxies, and streams what they answer into the host
  'src/artifacts/download.ts',
  'src/artifacts/read-ahead.ts',
  'src/artifacts/sources/release.ts',
  // what the user names on the command line and what lies beside the program; loaded before there is a host
  'src/cli/main.ts',
  'src/cli/read-spec.ts',
  // the user's editor, in the user's terminal
  'src/cli/editor.ts',
  'src/cli/output/plan-directory.ts',
  'src/cli/next-steps.ts',
  'src/cli/commands/version.ts',
];

export default defineConfig(
  { ignores: ['dist', 'node_modules', 'coverage', 'test/golden'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'max-lines': ['error', { max: 400 }],
      'no-restricted-syntax': ['error', namedExports],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { knest: { rules: { layers: layersRule } } },
    rules: { 'knest/layers': 'error' },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/host/**', 'src/workstation/**', 'src/agent/**'],
    rules: { 'no-restricted-syntax': ['error', namedExports, noEnvironment] },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/host/**', 'src/workstation/**', ...allowedPastHost],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', pastHost] },
  },
  {
    files: [`src/{${pureFolders.join()}}/**/*.ts`],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', worldly] },
  },
  { files: ['*.config.{js,ts}'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
);
