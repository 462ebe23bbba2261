/**
 * knest-agent: what a cluster needs besides Kubernetes itself. A unit of the machine: `journalctl -u knest-agent`.
 *
 *     knest-agent.mjs [CONFIG]       serves until it is ended
 *     knest-agent.mjs apply FILE     makes the objects in the file and ends
 *     knest-agent.mjs manifests FILE applies the user's manifests in the file and ends
 *     knest-agent.mjs backup FILE    makes a backup if one is due, and ends
 *     knest-agent.mjs certificates FILE renews the certificates that are about to end and ends
 *     knest-agent.mjs images SOCKET  prints the images of this node as JSON and ends
 */

import { applyObjects } from './apply-objects.ts';
import { runBackup } from './backup/run.ts';
import { readCertificatesConfig } from './certificates/config.ts';
import { renderExpiry } from './certificates/metrics.ts';
import { renewCertificates } from './certificates/renew.ts';
import { signRenewals } from './certificates/sign.ts';
import { readConfig } from './config.ts';
import { runDns } from './dns/run.ts';
import { servePages } from './http.ts';
import { listImages } from './images/list-images.ts';
import { runIngress } from './ingress/run.ts';
import { openApi } from './kubernetes/open-api.ts';
import { runLoadBalancer } from './load-balancer/run.ts';
import { log, reasonOf } from './log.ts';
import { applyManifests } from './manifests/apply-manifests.ts';
import { runMetrics } from './metrics/run.ts';
import { runNetworkPolicy } from './network-policy/run.ts';
import { runStorage } from './storage/run.ts';

async function main(configPath: string): Promise<void> {
  const config = await readConfig(configPath);
  const api = await openApi(config.api);
  const certificates =
    config.certificates === undefined ? undefined : await readCertificatesConfig(config.certificates);
  const expiry = (): string => (certificates ? renderExpiry(certificates, new Date()) : '');
  const dns = config.dns && (await runDns(config, config.dns, api, expiry));
  /** What has not looked at everything yet. */
  const pending = new Set<Promise<void>>();
  const begin = (part: Promise<void>): void => {
    pending.add(part);
    void part.then(() => pending.delete(part));
  };
  const { node, storage, networkPolicy, loadBalancer, metrics, ingress } = config;
  if (storage) begin(runStorage(node, storage, api));
  if (networkPolicy) begin(runNetworkPolicy(node, networkPolicy, api));
  if (loadBalancer) begin(runLoadBalancer(config, loadBalancer, api));
  if (metrics) begin(runMetrics(config.api, metrics, api));
  if (ingress) begin(runIngress(node, ingress, api));
  if (certificates && certificates.authorities.length > 0) begin(signRenewals(certificates, api));
  await servePages('127.0.0.1', config.healthPort, {
    '/metrics': () => ({ ok: true, text: expiry() }),
    '/health': () => ({ ok: true, text: 'ok\n' }),
    '/ready': () =>
      dns?.ready === false || pending.size > 0
        ? { ok: false, text: 'the API server has not been asked for everything yet\n' }
        : { ok: true, text: 'ok\n' },
  });
  const stop = (): void => {
    // if leaving takes too long, systemd kills the process
    void (dns?.stop() ?? Promise.resolve()).finally(() => process.exit());
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

const [first = '/etc/kubernetes/knest-agent.json', second = ''] = process.argv.slice(2);
const once: Record<string, () => Promise<void>> = {
  apply: () => applyObjects(second),
  manifests: () => applyManifests(second),
  backup: () => runBackup(second),
  certificates: () => renewCertificates(second),
  images: async () => {
    process.stdout.write(`${JSON.stringify(await listImages(second))}\n`);
  },
};
const work = once[first]?.().then(() => process.exit()) ?? main(first);
work.catch((error: unknown) => {
  log.warning(`knest-agent cannot start: ${reasonOf(error)}`);
  process.exit(1);
});
