import { defineConfig } from 'vitest/config';

import { closingLine } from './test/closing-line.ts';

export default defineConfig({
  test: {
    reporters: ['default', closingLine],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/vm/**'],
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: 'test/e2e/support/prepare.ts',
          // real clusters: one scenario after the other, in the order of their files
          fileParallelism: false,
          testTimeout: 4 * 60_000,
          hookTimeout: 15 * 60_000,
        },
      },
      {
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          globalSetup: 'test/e2e/support/prepare.ts',
          fileParallelism: false,
          // without KVM every instruction is translated
          testTimeout: 2 * 60 * 60_000,
          hookTimeout: 2 * 60 * 60_000,
        },
      },
    ],
  },
});
