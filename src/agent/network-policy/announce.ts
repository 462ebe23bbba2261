/**
 * The API server learns a pod's address a second or two after the pod has begun to run. Until then no rule would apply to
 * the pod, and it could reach everybody. So the pod network (see plan/components/pod-network.ts) tells the addresses here as soon as it has given them,
 * and the pod's programs start when its rules are there.
 */

import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';

import { log, reasonOf } from '../log.ts';

export interface Announcement {
  namespace: string;
  name: string;
  /** Before containerd 1.6 nobody says. */
  uid: string | undefined;
  addresses: readonly string[];
}

/**
 * Answers when `onPod` has finished, whatever its outcome: a pod must start.
 * @param path of a socket; only root may connect
 */
export async function hearOfPods(
  path: string,
  onPod: (announcement: Announcement) => Promise<void>,
): Promise<Server> {
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      try {
        const announcement = parseAnnouncement(argumentsOf(request), await readAll(request));
        if (announcement) await onPod(announcement);
      } catch (error) {
        log.warning(`a new pod's address: ${reasonOf(error)}`);
      }
      response.writeHead(204).end();
    };
    void answer();
  });
  // the socket of an earlier agent
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return server;
}

/**
 * @param variables CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;..."
 * @param result what a CNI plugin prints (CNI specification, "Success")
 */
export function parseAnnouncement(variables: string, result: string): Announcement | undefined {
  const said = new Map(
    variables.split(';').flatMap((pair) => {
      const [key = '', value] = pair.split('=', 2);
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
  const { ips = [] } = JSON.parse(result) as { ips?: { address?: string }[] };
  const addresses = ips.flatMap(({ address }) => address?.split('/', 1) ?? []);
  const namespace = said.get('K8S_POD_NAMESPACE');
  const name = said.get('K8S_POD_NAME');
  if (namespace === undefined || name === undefined || addresses.length === 0) return undefined;
  return { namespace, name, uid: said.get('K8S_POD_UID'), addresses };
}

function argumentsOf({ headers }: IncomingMessage): string {
  const value = headers['cni-args'];
  return typeof value === 'string' ? value : '';
}

async function readAll(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8');
  let text = '';
  for await (const chunk of request as AsyncIterable<string>) text += chunk;
  return text;
}
