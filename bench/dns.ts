/**
 * knest-agent's DNS beside dnsmasq and unbound of Debian: questions a second when each is asked as fast as it answers,
 * and how long answers take at a fixed rate. All have the same records and one thread, run on the same machine by turns,
 * in a chroot and a network namespace made for it. Root only.
 *
 *   npx tsx bench/dns.ts [--runs 5] [--seconds 3] [--rate 5000] [--services 1000]
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { build } from 'esbuild';
import { execa } from 'execa';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '5000' },
    services: { type: 'string', default: '1000' },
    /** A chroot of an earlier run, to save making one. */
    chroot: { type: 'string' },
  },
});
const services = Array.from({ length: Number(values.services) }, (_, index) => ({
  name: `service-${index}.default.svc.cluster.local`,
  address: `10.96.${index >> 8}.${index & 255}`,
}));

interface Contender {
  name: string;
  port: number;
  argv: readonly string[];
}

const contenders: readonly Contender[] = [
  {
    name: 'knest-agent',
    port: 5301,
    // as its unit runs it
    argv: [
      'node',
      '--max-semi-space-size=2',
      '--v8-pool-size=1',
      '/bench/server.mjs',
      '5301',
      values.services,
    ],
  },
  {
    name: 'dnsmasq',
    port: 5302,
    argv: [
      'dnsmasq',
      '--keep-in-foreground',
      '--port=5302',
      '--user=root',
      '--conf-file=/bench/dnsmasq.conf',
    ],
  },
  { name: 'unbound', port: 5303, argv: ['unbound', '-d', '-c', '/bench/unbound.conf'] },
];

if (process.env['KNEST_BENCH_ROOT'] === undefined) await outside();
else await inside(process.env['KNEST_BENCH_ROOT']);

/** Makes the chroot, and runs this file once more in a network of its own. */
async function outside(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'knest-bench-dns-'));
  const root = values.chroot ?? join(folder, 'root');
  try {
    if (values.chroot === undefined) {
      const packages = 'dnsmasq-base,unbound,dnsperf,nodejs';
      await execa('mmdebstrap', ['--quiet', '--variant=apt', `--include=${packages}`, 'trixie', root], {
        stdio: 'inherit',
      });
    }
    await writeConfigurations(root);
    const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    await execa('unshare', ['--net', '--mount', '--', ...again], {
      env: { KNEST_BENCH_ROOT: root },
      stdio: 'inherit',
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeConfigurations(root: string): Promise<void> {
  const folder = join(root, 'bench');
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [new URL('dns-server.ts', import.meta.url).pathname],
    outfile: join(folder, 'server.mjs'),
    ...{ bundle: true, minify: true, format: 'esm', platform: 'node', target: 'node18', logLevel: 'error' },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  const lines = (each: (service: { name: string; address: string }) => string): string =>
    services.map(each).join('\n');
  await writeFile(
    join(folder, 'dnsmasq.conf'),
    [
      'no-resolv\nno-hosts\nno-daemon\nlisten-address=127.0.0.1\nbind-interfaces\nlocal=/cluster.local/\nlocal-ttl=5',
      lines(({ name, address }) => `host-record=${name},${address}`),
      '',
    ].join('\n'),
  );
  await writeFile(
    join(folder, 'unbound.conf'),
    [
      'server:\n  interface: 127.0.0.1@5303\n  num-threads: 1\n  chroot: ""\n  username: ""\n  pidfile: ""',
      '  use-syslog: no\n  do-daemonize: no\n  module-config: "iterator"\n  so-rcvbuf: 0\n  so-sndbuf: 0',
      '  local-zone: "cluster.local." static',
      lines(({ name, address }) => `  local-data: "${name}. 5 IN A ${address}"`),
      'remote-control:\n  control-enable: no\n',
    ].join('\n'),
  );
  // what a pod's search list makes of a name: A and AAAA, some of them of names that are not
  const asked = services.flatMap(({ name }, index) => [
    `${name} A`,
    `${name} AAAA`,
    ...(index % 2 === 0 ? [`${name}.default.svc.cluster.local A`] : []),
  ]);
  await writeFile(join(folder, 'queries'), shuffle(asked).join('\n') + '\n');
}

/** In the same order each time. */
function shuffle(items: readonly string[]): string[] {
  let seed = 1;
  const keyed = items.map((item) => [(seed = (seed * 48_271) % 2_147_483_647), item] as const);
  return keyed.sort(([a], [b]) => a - b).map(([, item]) => item);
}

interface Result {
  rate: number;
  p50: number;
  p99: number;
}

async function inside(root: string): Promise<void> {
  await execa('ip', ['link', 'set', 'lo', 'up']);
  const processes = contenders.map(({ argv }) =>
    spawn('chroot', [root, ...argv], { stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  try {
    for (const { port } of contenders) await untilItAnswers(root, port);
    const results = new Map<string, Result[]>(contenders.map(({ name }) => [name, []]));
    for (let run = 0; run <= Number(values.runs); run += 1) {
      for (const { name, port } of contenders) {
        const { rate } = await measure(root, port, values.seconds, ['-q', '100']);
        const calm = await measure(root, port, values.seconds, ['-Q', values.rate]);
        // the first round warms up
        if (run > 0) results.get(name)?.push({ ...calm, rate });
      }
    }
    report(results);
  } finally {
    for (const child of processes) {
      const exit = once(child, 'exit');
      if (child.kill()) await exit;
    }
  }
}

async function untilItAnswers(root: string, port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const { stdout } = await dnsperf(root, port, ['-n', '1', '-t', '1', '-l', '1', '-q', '1']);
    if (!/Queries completed: +0 /.test(stdout)) return;
    await sleep(100);
  }
  throw new Error(`nobody answers at port ${port}`);
}

async function measure(
  root: string,
  port: number,
  seconds: string,
  limits: readonly string[],
): Promise<Result> {
  const { stdout } = await dnsperf(root, port, ['-l', seconds, '-c', '20', ...limits]);
  const lost = /Queries lost: +(\d+)/.exec(stdout)?.[1];
  if (lost !== '0') process.stderr.write(`port ${port}: ${lost ?? '?'} questions lost\n`);
  const rate = Number(/Queries per second: +([\d.]+)/.exec(stdout)?.[1]);
  // "  0.000128 - 0.000159: 1234"
  const buckets = [...stdout.matchAll(/^ *([\d.]+) - ([\d.]+): +(\d+)$/gm)].map(([, , to, count]) => ({
    to: Number(to) * 1000,
    count: Number(count),
  }));
  return { rate, p50: percentile(buckets, 0.5), p99: percentile(buckets, 0.99) };
}

function dnsperf(root: string, port: number, args: readonly string[]) {
  const where = ['-s', '127.0.0.1', '-p', String(port), '-d', '/bench/queries'];
  return execa('chroot', [root, 'dnsperf', ...where, '-O', 'latency-histogram', ...args], { reject: false });
}

function percentile(buckets: readonly { to: number; count: number }[], part: number): number {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  let seen = 0;
  return buckets.find(({ count }) => (seen += count) >= total * part)?.to ?? NaN;
}

function report(results: ReadonlyMap<string, readonly Result[]>): void {
  const own = results.get('knest-agent') ?? [];
  const median = (numbers: readonly number[]): number =>
    [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
  const cell = (text: string): string => text.padStart(16);
  process.stdout.write(
    `median of ${own.length}`.padEnd(16) +
      ['questions/s', `p50 at ${values.rate}/s`, `p99 at ${values.rate}/s`, 'agent/it: q/s', 'agent/it: p99']
        .map(cell)
        .join('') +
      '\n',
  );
  for (const [name, list] of results) {
    const ratio = (of: (result: Result) => number): number =>
      median(list.map((result, run) => of(own[run] ?? result) / of(result)));
    const cells = [
      median(list.map(({ rate }) => rate)).toFixed(0),
      `${median(list.map(({ p50 }) => p50)).toFixed(2)} ms`,
      `${median(list.map(({ p99 }) => p99)).toFixed(2)} ms`,
      ratio(({ rate }) => rate).toFixed(2),
      ratio(({ p99 }) => p99).toFixed(2),
    ];
    process.stdout.write(`${name.padEnd(16)}${cells.map(cell).join('')}\n`);
  }
}
