/** A client that writes through the API all the time and keeps account of what was acknowledged. */

import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

import { parse } from 'yaml';

import type { Scenario } from './scenario.ts';

export interface WriterReport {
  /** Writes that the API server has acknowledged. */
  acknowledged: number;
  /** Of these, names that are not there afterwards. */
  lost: readonly string[];
  /** Milliseconds: the longest time without an acknowledged write. */
  longestGap: number;
}

export interface Writer {
  /** Milliseconds since the last acknowledged write. */
  silence: () => number;
  /** Ends it, reads everything back. */
  stop: () => Promise<WriterReport>;
}

const collection = '/api/v1/namespaces/default/configmaps';
const all = `${collection}?labelSelector=written%3Dby-test`;
/** Milliseconds. */
const interval = 100;

/** Milliseconds. A write that takes longer counts as lost on its way: whoever got it may have died. */
const patience = 1_000;

/** Milliseconds. Reading all of them back, or deleting them, is much work for one request. */
const patienceWithAll = 60_000;

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

/** Writes a ConfigMap every 100 ms, as long as nobody stops it. */
export async function startWriter(scenario: Scenario, cluster: string): Promise<Writer> {
  const text = await scenario.ok(['get', 'kubeconfig', '--name', cluster]);
  const client = openClient(parse(text) as Kubeconfig);
  const acknowledged: string[] = [];
  let last = Date.now();
  let longestGap = 0;
  let going = true;
  const loop = async (): Promise<void> => {
    for (let number = 0; going; number += 1) {
      const began = Date.now();
      const metadata = { name: `write-${number}`, labels: { written: 'by-test' } };
      const status = await client.call('POST', collection, { metadata }).then(
        (answer) => answer.status,
        () => undefined,
      );
      // 409: written by a request whose answer got lost
      if (status === 201 || status === 409) {
        acknowledged.push(metadata.name);
        longestGap = Math.max(longestGap, Date.now() - last);
        last = Date.now();
      }
      await sleep(Math.max(0, interval - (Date.now() - began)));
    }
  };
  const done = loop();
  return {
    silence: () => Date.now() - last,
    stop: async () => {
      going = false;
      await done;
      longestGap = Math.max(longestGap, Date.now() - last);
      const { body } = await client.call('GET', all, undefined, patienceWithAll);
      const found = new Set(
        (JSON.parse(body) as { items: { metadata: { name: string } }[] }).items.map(
          ({ metadata }) => metadata.name,
        ),
      );
      await client.call('DELETE', all, undefined, patienceWithAll);
      client.close();
      return {
        acknowledged: acknowledged.length,
        lost: acknowledged.filter((name) => !found.has(name)),
        longestGap,
      };
    },
  };
}

function openClient(kubeconfig: Kubeconfig) {
  const cluster = kubeconfig.clusters[0]?.cluster;
  const user = kubeconfig.users[0]?.user;
  const decode = (text: string | undefined) => Buffer.from(text ?? '', 'base64').toString();
  const open = () =>
    new Agent({
      keepAlive: true,
      ca: decode(cluster?.['certificate-authority-data']),
      cert: decode(user?.['client-certificate-data']),
      key: decode(user?.['client-key-data']),
    });
  let agent = open();
  const send = (method: string, path: string, body: object | undefined, timeout: number) =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const url = new URL(path, cluster?.server);
      const headers = { 'content-type': 'application/json' };
      const outgoing = request(url, { agent, method, headers, timeout }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: text });
        });
        response.on('error', reject);
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
      outgoing.on('error', reject);
      outgoing.end(body && JSON.stringify(body));
    });
  return {
    /** A connection that has failed once is not used again: whoever was at its end is gone. */
    call: async (method: string, path: string, body?: object, timeout = patience) => {
      try {
        return await send(method, path, body, timeout);
      } catch (error) {
        agent.destroy();
        agent = open();
        throw error;
      }
    },
    close: () => {
      agent.destroy();
    },
  };
}
