import type { Host } from '../host/types.ts';
import type { PlannedCommand } from '../plan/types.ts';

/** Runs planned commands in order; those not needed and those whose failure does not matter pass. */
export async function runCommands(host: Host, commands: readonly PlannedCommand[]): Promise<void> {
  for (const { argv, input, unless, mayFail } of commands) {
    if (unless && (await isFulfilled(host, unless))) continue;
    const options = { ...(input === undefined ? {} : { input }) };
    if (mayFail) await host.run(argv, { ...options, okExitCodes: 'any' }).catch(() => undefined);
    else await host.run(argv, options);
  }
}

async function isFulfilled(host: Host, argv: readonly string[]): Promise<boolean> {
  const { exitCode } = await host.run(argv, { okExitCodes: 'any' });
  return exitCode === 0;
}
