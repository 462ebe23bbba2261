import { randomInt } from 'node:crypto';

import { etcdClient } from '../../clients/etcd/client.ts';
import type { EtcdClient } from '../../clients/etcd/client.ts';
import { KnestError, messageOf, tail } from '../../errors.ts';
import type { HostProcess } from '../../host/types.ts';
import { issuePki } from '../../pki/issue.ts';
import type { KeyMaterial } from '../../pki/issue.ts';
import type { MachinePlan } from '../../plan/types.ts';
import { pollUntil } from '../../poll.ts';
import { layerPath } from '../../artifacts/layer-info.ts';
import { emptyFolders, layeredCommand } from '../../tools/layered-root.ts';
import { makeMemberData } from './restore.ts';
import type { OnLayers } from './restore.ts';

const name = 'throw-away';
/** Milliseconds. */
const patience = 60_000;
/** A port may be taken by somebody else between two looks. */
const attempts = 5;

export interface ThrowAway {
  client: EtcdClient;
  endpoint: string;
}

/**
 * Starts an etcd of its own on a snapshot, on the host and not in a machine, for as long as the work takes. Nobody else can
 * ask it: it takes a certificate that nobody else has.
 * @param machine whose layers have etcd
 * @param scratch folder on the host that is made for it, and goes with it
 * @throws KnestError when it cannot be started
 */
export async function withThrowAwayEtcd<T>(
  on: OnLayers,
  machine: Pick<MachinePlan, 'layers'>,
  file: string,
  scratch: string,
  work: (etcd: ThrowAway) => Promise<T>,
): Promise<T> {
  const { host } = on;
  await host.remove(scratch);
  await host.makeDirectory(scratch, 0o700);
  try {
    const material = await throwAwayKeys();
    for (const [path, text] of material) await host.writeFile(`${scratch}/pki/${path}`, text, 0o600);
    await makeMemberData(on, machine, {
      ...{ file, name, target: `${scratch}/data`, token: name },
      // nobody is to find it
      members: { [name]: peerUrl },
    });
    await host.makeDirectory(`${scratch}/root`, 0o700);
    for (let attempt = 1; ; attempt += 1) {
      // below the ports that a kernel gives to connections
      const port = randomInt(20_000, 32_000);
      const process = await host.spawn(startCommand(on, machine, scratch, port));
      const output = collect(process);
      const endpoint = `https://127.0.0.1:${port}`;
      const client = etcdClient([endpoint], material, { via: host });
      try {
        const answers = await waitFor(client, endpoint, process, on.signal);
        if (answers) return await work({ client, endpoint });
        if (attempt === attempts) throw cannotStart(output());
      } finally {
        client.close();
        process.kill('SIGTERM');
        await process.exited;
      }
    }
  } finally {
    await host.remove(scratch);
  }
}

/** A socket in its own folder, and not a port. */
const peerUrl = 'http://127.0.0.1:1';

function startCommand(
  { paths }: OnLayers,
  { layers }: Pick<MachinePlan, 'layers'>,
  scratch: string,
  port: number,
): string[] {
  const folder = emptyFolders.first;
  const url = `https://127.0.0.1:${port}`;
  const key = (file: string): string => `${folder}/pki/${file}`;
  const argv = [
    ...['/usr/bin/etcd', `--name=${name}`, `--data-dir=${folder}/data`],
    ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
    // alone it has no peers; two ports are not asked for
    ...[`--listen-peer-urls=unix://peer:0`, `--initial-advertise-peer-urls=${peerUrl}`],
    `--initial-cluster=${name}=${peerUrl}`,
    ...['--client-cert-auth', `--trusted-ca-file=${key('etcd-ca.crt')}`],
    ...[`--cert-file=${key('etcd-server.crt')}`, `--key-file=${key('etcd-server.key')}`],
    ...['--heartbeat-interval=20', '--election-timeout=100'],
  ];
  return layeredCommand({
    layers: layers.map((id) => layerPath(paths, id)),
    root: `${scratch}/root`,
    binds: { [scratch]: folder },
    argv: ['/bin/sh', '-c', 'cd "$0" && exec "$@"', folder, ...argv],
  });
}

/** The last lines of what a program says. */
function collect({ stdout, stderr }: HostProcess): () => string {
  let said = '';
  stdout.resume();
  stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk.toString()}`.slice(-4000);
  });
  return () => said;
}

/** @returns false when it has ended */
async function waitFor(
  client: EtcdClient,
  endpoint: string,
  process: HostProcess,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  let last: unknown;
  let ended = false;
  void process.exited.then(() => {
    ended = true;
  });
  return pollUntil(
    {
      interval: 50,
      limit: { timeout: patience, error: () => cannotStart(messageOf(last)) },
      ...(signal ? { signal } : {}),
    },
    async () => {
      if (ended) return { value: false };
      try {
        await client.count(endpoint);
        return { value: true };
      } catch (error) {
        last = error;
        return undefined;
      }
    },
  );
}

function cannotStart(output: string): KnestError {
  return new KnestError('an etcd on the snapshot could not be started', {
    code: 'COMMAND_FAILED',
    details: tail(output, 5),
    hint: 'run the same command again; if that does not help, take another backup',
  });
}

function throwAwayKeys(): Promise<KeyMaterial> {
  const common = { authority: 'etcd-ca', organizations: [], dnsNames: [] };
  // etcd's gateway shows the server's certificate to etcd itself
  const usages = ['server', 'client'] as const;
  return issuePki(
    {
      authorities: [{ name: 'etcd-ca', commonName: 'etcd-ca' }],
      certificates: [
        { ...common, name: 'etcd-server', commonName: name, usages, ipAddresses: ['127.0.0.1'] },
        {
          ...{ ...common, name: 'etcd-healthcheck-client', commonName: name },
          usages: ['client'],
          ipAddresses: [],
        },
      ],
      keyPairs: [],
    },
    new Map(),
    new Date(),
  );
}
