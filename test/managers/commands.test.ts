import { describe, expect, it } from 'vitest';

import { runCommands } from '../../src/managers/commands.ts';
import { memoryHost } from '../../src/host/memory.ts';

const why = 'test';

describe('runCommands', () => {
  it('runs in order, with input', async () => {
    const inputs: (string | undefined)[] = [];
    const host = memoryHost({
      answers: {
        nft: (_argv, input) => {
          inputs.push(input);
          return {};
        },
        ip: {},
      },
    });
    await runCommands(host, [
      { why, argv: ['nft', '-f', '-'], input: 'table\n' },
      { why, argv: ['ip', 'link'] },
      { why, argv: ['nft', 'list'] },
    ]);
    expect(host.commands).toEqual([
      ['nft', '-f', '-'],
      ['ip', 'link'],
      ['nft', 'list'],
    ]);
    expect(inputs).toEqual(['table\n', undefined]);
  });

  it.each([
    ['is there already', 0, [['show']]],
    ['is not there', 1, [['show'], ['add']]],
  ])('skips what %s', async (_name, exitCode, commands) => {
    const host = memoryHost({ answers: { show: { exitCode }, add: {} } });
    await runCommands(host, [{ why, argv: ['add'], unless: ['show'] }]);
    expect(host.commands).toEqual(commands);
  });

  it('stops at a failure that matters', async () => {
    const host = memoryHost({ answers: { bad: { exitCode: 2, stderr: 'no' }, good: {} } });
    await expect(
      runCommands(host, [
        { why, argv: ['bad'] },
        { why, argv: ['good'] },
      ]),
    ).rejects.toThrow('bad');
    expect(host.commands).toEqual([['bad']]);
  });

  it('goes on after one that does not, also when the program is missing', async () => {
    const host = memoryHost({ answers: { bad: { exitCode: 2 }, good: {} } });
    await runCommands(host, [
      { why, argv: ['bad'], mayFail: true },
      { why, argv: ['missing'], mayFail: true },
      { why, argv: ['good'] },
    ]);
    expect(host.commands.at(-1)).toEqual(['good']);
  });
});
