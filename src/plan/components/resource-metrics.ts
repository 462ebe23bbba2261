import type { AgentConfig } from '../../agent/contract.ts';
import { metricsApiService, metricsServerName } from '../manifests/metrics.ts';
import type { ClusterContext, Component, MachineContext } from './component.ts';
import { nothing, pkiFolder } from './component.ts';
import { certificateFiles, frontProxyClient, publicFile } from './pki-files.ts';

/** Name of the certificate that the agent shows to API servers. */
export const metricsCertificate = 'knest-metrics';
const certificate = metricsCertificate;
const port = 10264;

/** What knest-agent needs on control planes to answer metrics.k8s.io. */
export const resourceMetrics: Component = (machine, cluster) => {
  if (!answersMetrics(machine, cluster)) return nothing;
  return {
    ...nothing,
    files: [publicFile('front-proxy-ca.crt'), ...certificateFiles(certificate)],
    certificates: [
      {
        name: certificate,
        authority: 'ca',
        commonName: certificate,
        organizations: [],
        usages: ['server'],
        dnsNames: [metricsServerName],
        ipAddresses: [],
      },
    ],
  };
};

/** Beside each API server, which asks the agent of its own machine. */
export function answersMetrics(
  { role }: Pick<MachineContext, 'role'>,
  { spec }: Pick<ClusterContext, 'spec'>,
): boolean {
  return role === 'control-plane' && spec.metrics;
}

export function metricsConfiguration(): NonNullable<AgentConfig['metrics']> {
  return {
    port,
    certificate: `${pkiFolder}/${certificate}.crt`,
    key: `${pkiFolder}/${certificate}.key`,
    clientAuthority: `${pkiFolder}/front-proxy-ca.crt`,
    clientNames: [frontProxyClient],
    apiService: metricsApiService(port),
  };
}
