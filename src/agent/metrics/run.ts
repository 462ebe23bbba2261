import { httpsConnections, thisProcess } from '../../clients/https.ts';
import type { KubernetesClient } from '../../clients/kubernetes/client.ts';
import { followCredentials } from '../kubernetes/follow-credentials.ts';
import type { AgentConfig, MetricsConfig } from '../config.ts';
import { answer } from './answers.ts';
import { openKubelets } from './kubelets.ts';
import { keepRegistered } from './registration.ts';
import { serveMetrics } from './server.ts';

/** Milliseconds for a kubelet's answer: kubectl and autoscalers wait for the slowest. */
const timeout = 3000;

/**
 * Answers metrics.k8s.io/v1beta1 from what the kubelets measure, as metrics-server does (Kubernetes: "Resource metrics
 * pipeline"). Works for as long as the process lives. Returns when the API server knows where to ask.
 */
export async function runMetrics(
  access: AgentConfig['api'],
  config: MetricsConfig,
  api: KubernetesClient,
): Promise<void> {
  const connections = httpsConnections(await followCredentials(access), { timeout, via: thisProcess });
  const kubelets = openKubelets(async (url) => {
    const { status, text } = await connections.exchange(url, { method: 'GET' });
    if (status !== 200) throw new Error(`${status} ${text.slice(0, 200)}`);
    return text;
  });
  const serving = await followCredentials({
    authority: config.clientAuthority,
    certificate: config.certificate,
    key: config.key,
  });
  const first = serving();
  const server = await serveMetrics(
    { ...first, allowedNames: config.clientNames, port: config.port },
    (url) => answer(url, api, kubelets),
  );
  let shown = first;
  setInterval(() => {
    const fresh = serving();
    if (fresh !== shown) server.setSecureContext(fresh);
    shown = fresh;
  }, 60_000).unref();
  await keepRegistered(api, config.apiService);
}
