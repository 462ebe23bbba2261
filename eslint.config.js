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

export default defineConfig(
  { ignores: ['dist', 'node_modules', 'coverage', 'test/golden'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'max-lines': ['error', { max: 400 }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'use named exports' },
      ],
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
    files: [`src/{${pureFolders.join()}}/**/*.ts`],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', worldly] },
  },
  { files: ['*.config.{js,ts}'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked] },
);
