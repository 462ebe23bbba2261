/** A bed to look around in: npx tsx test/e2e/support/bed/open.ts bookworm; Ctrl-C ends it. */

import { printableCommand } from '../../../../src/errors.ts';
import { busyboxArchive } from '../busybox.ts';
import { startBed } from './bed.ts';

async function main(suite: 'bookworm' | 'trixie'): Promise<void> {
  const bed = await startBed({ suite, share: { '/opt/busybox.tar': await busyboxArchive() } });
  process.stdout.write(`${suite} is up: ${printableCommand(await bed.command(['bash', '-l']))}\n`);
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve);
    setInterval(() => undefined, 60_000);
  });
  await bed.stop();
  process.exit(0);
}
void main(process.argv[2] === 'bookworm' ? 'bookworm' : 'trixie');
