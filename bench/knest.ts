/** The built program as the benches run it, with the time at which things happened. */

import { execa } from 'execa';

import type { Times } from './floor.ts';

const cli = new URL('../dist/bundle/cli/main.js', import.meta.url).pathname;

/** Runs knest with a state folder of its own. Seconds from starting it to its event "Nodes Ready" and to its end. */
export async function timeKnest(state: string, ...args: string[]): Promise<Times> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  let ready = 0;
  const command = execa(process.execPath, [cli, ...args, '--progress', 'json'], {
    env: { KNEST_STATE_DIR: state, KUBECONFIG: `${state}-kubeconfig` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  for await (const line of command.iterable({ from: 'stderr' })) {
    const event = JSON.parse(line) as { type?: string; id?: string };
    if (event.type === 'done' && event.id === 'ready') ready = seconds();
  }
  await command;
  return { ready, usable: seconds() };
}

/** What it prints on stdout. */
export async function askKnest(state: string, ...args: string[]): Promise<string> {
  const { stdout } = await execa(process.execPath, [cli, ...args], { env: { KNEST_STATE_DIR: state } });
  return stdout;
}
