import { defineConfig } from 'vitest/config';
import type { TestProjectInlineConfiguration } from 'vitest/config';

import { closingLine } from './test/closing-line.ts';

/** Real clusters: one scenario after the other, in the order of their files. */
function scenarios(
  name: string,
  order: number,
  include: string,
  env: Record<string, string> = {},
): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include: [include],
      env,
      globalSetup: 'test/e2e/support/prepare.ts',
      fileParallelism: false,
      // one project after the other, too
      sequence: { groupOrder: order },
      testTimeout: 4 * 60_000,
      hookTimeout: 15 * 60_000,
    },
  };
}

export default defineConfig({
  test: {
    reporters: ['default', closingLine],
    projects: [
      {
        test: {
          name: 'unit',
          // for hangs, not for slow machines; the default is one second
          expect: { poll: { timeout: 30_000 } },
          testTimeout: 60_000,
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/vm/**'],
        },
      },
      // what every change must pass
      scenarios('e2e', 1, 'test/e2e/core/**/*.test.ts'),
      scenarios('more', 2, 'test/e2e/more/**/*.test.ts'),
      // the core once more, through a child process and a byte stream
      scenarios('loopback', 3, 'test/e2e/core/**/*.test.ts', { KNEST_HOST: 'loopback' }),
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
