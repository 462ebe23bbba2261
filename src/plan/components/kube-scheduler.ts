import { renderCommand, renderUnit } from '../../formats/systemd-unit.ts';
import type { Component } from './component.ts';
import {
  afterApiServer,
  extraArguments,
  k8sTarget,
  nothing,
  referencePage,
  restartAlways,
} from './component.ts';
import { afterLeader, controlLoopFlags } from './control-loop.ts';
import { kubeconfigFile } from './kubeconfig-file.ts';
import { certificateFiles, clientCertificate, publicFile } from './pki-files.ts';
import { volumeSettings, withExtraArgs } from './settings.ts';

const kubeconfig = '/etc/kubernetes/scheduler.conf';

/** kube-scheduler, on control planes. */
export const kubeScheduler: Component = (machine, cluster) => {
  if (machine.role !== 'control-plane') return nothing;
  const standby = afterLeader('kube-scheduler', 'scheduler', machine, cluster);
  const settings = cluster.spec.components.kubeScheduler;
  const command = renderCommand(
    '/usr/local/bin/kube-scheduler',
    withExtraArgs(controlLoopFlags(kubeconfig, machine, cluster), settings.extraArgs),
    '$KUBE_SCHEDULER_ARGS',
  );
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
        name: 'kube-scheduler.service',
        wantedBy: k8sTarget,
        text: renderUnit({
          Unit: {
            Description: 'Kubernetes scheduler',
            Documentation: referencePage('kube-scheduler'),
            ...afterApiServer,
          },
          Service: {
            ...extraArguments('kube-scheduler', 'KUBE_SCHEDULER_ARGS'),
            ...volumeSettings(settings, standby.commands),
            ExecStart: command,
            ...restartAlways,
          },
        }),
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
