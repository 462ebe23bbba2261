/** Network namespaces as stand-ins for hosts, machines and the outside; gone with the test. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { localHost } from '../../src/host/local.ts';
import type { Host } from '../../src/host/types.ts';

export interface Namespace {
  /** A host whose programs run in the namespace; files are those of this machine. */
  host: Host;
  /** Of the process that holds the namespace: `ip link set X netns <pid>`. */
  pid: number;
  /** Starts a program in it that is ended with the namespace. */
  start(argv: readonly string[]): ChildProcess;
  close(): Promise<void>;
}

/** An empty network namespace, loopback up. */
export async function openNamespace(): Promise<Namespace> {
  const local = localHost();
  // not `ip netns add`, which leaves a mount on /run/netns behind
  const holder = spawn(
    'unshare',
    ['--net', '--', 'sh', '-c', 'ip link set lo up && echo ready && exec sleep 600'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(holder.stdout, 'data');
  const { pid } = holder;
  if (pid === undefined) throw new Error('unshare could not be started');
  const enter = ['nsenter', `--net=/proc/${pid}/ns/net`, '--'];
  const children: ChildProcess[] = [holder];
  return {
    pid,
    host: {
      ...local,
      name: `namespace ${pid}`,
      run: (argv, options) => local.run([...enter, ...argv], options),
    },
    start(argv) {
      const [file = '', ...args] = [...enter, ...argv];
      const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      return child;
    },
    async close() {
      for (const child of children.reverse()) await end(child);
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** A cable between two namespaces; each end with an address like 10.0.0.1/24 where one is given. */
export async function connect(
  from: Namespace,
  to: Namespace,
  cable: { from: string; to: string; fromAddress?: string; toAddress?: string },
): Promise<void> {
  await from.host.run([
    ...['ip', 'link', 'add', cable.from, 'type', 'veth'],
    ...['peer', 'name', cable.to, 'netns', String(to.pid)],
  ]);
  for (const [{ host }, link, address] of [
    [from, cable.from, cable.fromAddress],
    [to, cable.to, cable.toAddress],
  ] as const) {
    if (address !== undefined) await host.run(['ip', 'address', 'add', address, 'dev', link]);
    // a link-local address would be "tentative" for a second and change the state while it is looked at
    await host.run(['ip', 'link', 'set', link, 'addrgenmode', 'none', 'up']);
  }
}

/** Listens on every address and greets each caller with the address it seems to come from. */
export async function greetCallers(namespace: Namespace, port: number): Promise<void> {
  const server = namespace.start([
    process.execPath,
    '-e',
    `require('node:net').createServer((s) => { s.on('error', () => {}); s.end(s.remoteAddress); })
       .listen(${port}, '0.0.0.0', () => console.log('listening'))`,
  ]);
  if (!server.stdout) throw new Error('no output of the server');
  await once(server.stdout, 'data');
}

/**
 * Calls over TCP. What the other side says it saw as the caller's address, or "no answer".
 * @param localAddress the caller's own, where it has several
 */
export async function call(
  namespace: Namespace,
  address: string,
  port: number,
  localAddress?: string,
): Promise<string> {
  const options = JSON.stringify({
    host: address,
    port,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  const script = `
    const socket = require('node:net').connect(${options});
    const giveUp = () => { console.log('no answer'); process.exit(); };
    setTimeout(giveUp, 1500);
    socket.on('error', giveUp);
    socket.on('data', (text) => { console.log(String(text)); process.exit(); });`;
  const { stdout } = await namespace.host.run([process.execPath, '-e', script]);
  return stdout.trim();
}

/** Everything that a cluster may change in a namespace's network, comparable. */
export async function networkState(namespace: Namespace): Promise<Record<string, unknown>> {
  const json = async (argv: readonly string[]) =>
    JSON.parse((await namespace.host.run(argv)).stdout) as unknown;
  // -s leaves counters out, which differ with every packet
  const rules = (await namespace.host.run(['nft', '-s', 'list', 'ruleset'])).stdout;
  return {
    links: await json(['ip', '-j', 'link']),
    addresses: await json(['ip', '-j', 'address']),
    routes: await json(['ip', '-j', 'route', 'show', 'table', 'all']),
    rules: rules.replace(/counter packets \d+ bytes \d+/g, 'counter'),
  };
}
