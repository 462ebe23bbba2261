import type { Component } from './component.ts';
import { afterApiServer, nothing } from './component.ts';
import { afterLeader, controlLoopFlags } from './control-loop.ts';
import { kubeconfigFile } from './kubeconfig-file.ts';
import { kubernetesUnit } from './kubernetes-unit.ts';
import { certificateFiles, clientCertificate, publicFile, readAgain } from './pki-files.ts';
import { volumeSettings, withExtraArgs } from './settings.ts';

const kubeconfig = '/etc/kubernetes/scheduler.conf';

/** kube-scheduler, on control planes. */
export const kubeScheduler: Component = (machine, cluster) => {
  if (machine.role !== 'control-plane') return nothing;
  const standby = afterLeader('kube-scheduler', 'scheduler', machine, cluster);
  const settings = cluster.spec.components.kubeScheduler;
  return {
    files: [
      ...standby.files,
      publicFile('ca.crt'),
      publicFile('front-proxy-ca.crt'),
      ...certificateFiles('scheduler'),
      kubeconfigFile(kubeconfig, 'scheduler', machine, cluster),
    ],
    units: [
      {
        ...kubernetesUnit('kube-scheduler', {
          description: 'Kubernetes scheduler',
          flags: withExtraArgs(controlLoopFlags(kubeconfig, machine, cluster), settings.extraArgs),
          order: afterApiServer,
          before: volumeSettings(settings, standby.commands),
        }),
        ignores: readAgain('scheduler'),
      },
    ],
    certificates: [clientCertificate('scheduler', 'system:kube-scheduler')],
    probes: [
      {
        says: 'kube-scheduler is healthy',
        unit: 'kube-scheduler.service',
        argv: ['curl', '-fsSk', 'https://127.0.0.1:10259/healthz'],
      },
    ],
  };
};
