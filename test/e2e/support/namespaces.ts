/** Network namespaces as stand-ins for hosts, machines and the outside; gone with the test. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { localHost } from '../../../src/host/local.ts';
import type { Host } from '../../../src/host/types.ts';

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

/**
 * Answers on every address, over TCP and UDP, and greets each caller with the address it seems to come from.
 * @param welcome a word before the address, to tell who answers
 */
export async function greetCallers(namespace: Namespace, port: number, welcome = ''): Promise<void> {
  const server = namespace.start([
    process.execPath,
    '-e',
    `const greet = (address) => ${JSON.stringify(welcome)} + address.replace('::ffff:', '');
     const udp = require('node:dgram').createSocket('udp6');
     udp.on('message', (_, from) => udp.send(greet(from.address), from.port, from.address));
     const tcp = require('node:net').createServer((s) => { s.on('error', () => {}); s.end(greet(s.remoteAddress)); });
     udp.bind(${port}, '::', () => tcp.listen(${port}, '::', () => console.log('listening')));`,
  ]);
  if (!server.stdout) throw new Error('no output of the server');
  await once(server.stdout, 'data');
}

export interface CallOptions {
  protocol?: 'tcp' | 'udp';
  /** The caller's own, where it has several. */
  localAddress?: string;
}

/** Calls. What the other side says it saw as the caller's address, or "no answer". */
export async function call(
  namespace: Namespace,
  address: string,
  port: number,
  { protocol = 'tcp', localAddress }: CallOptions = {},
): Promise<string> {
  const overTcp = `
    const socket = require('node:net').connect(${JSON.stringify({ host: address, port, localAddress })});
    socket.on('data', said);`;
  const overUdp = `
    const socket = require('node:dgram').createSocket(${JSON.stringify(address.includes(':') ? 'udp6' : 'udp4')});
    socket.on('message', said);
    socket.bind(0, ${JSON.stringify(localAddress)}, () => socket.send('hello', ${port}, ${JSON.stringify(address)}));`;
  const script = `
    const giveUp = () => { console.log('no answer'); process.exit(); };
    const said = (text) => { console.log(String(text)); process.exit(); };
    setTimeout(giveUp, 1500);
    ${protocol === 'tcp' ? overTcp : overUdp}
    socket.on('error', giveUp);`;
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
    settings: (await namespace.host.run(['sysctl', '-a', '-r', '^net.ipv[46].conf.kn-'])).stdout,
    rules: rules.replace(/counter packets \d+ bytes \d+/g, 'counter'),
  };
}
