/** Kubernetes objects for tests, all of the one image that is there. */

import { busyboxImage } from './busybox.ts';

interface Extra {
  ports?: readonly object[];
  resources?: object;
  securityContext?: object;
}

type Volume = { name: string } & Record<string, unknown>;

/** Volumes are mounted at /volumes/<name>. */
export function pod(name: string, script: string, extra: Extra = {}, volumes: readonly Volume[] = []) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: podSpec(script, extra, volumes),
  };
}

export function deployment(name: string, replicas: number, script: string) {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec(script) },
    },
  };
}

export function daemonSet(name: string, script: string) {
  const { spec, ...rest } = deployment(name, 1, script);
  return { ...rest, kind: 'DaemonSet', spec: { selector: spec.selector, template: spec.template } };
}

export function job(name: string, script: string) {
  const spec = { ...podSpec(script), restartPolicy: 'Never' };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { template: { spec } } };
}

/** A NodePort Service, at port 80 of its ClusterIP. */
export function service(name: string, targetPort: number) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { type: 'NodePort', selector: { app: name }, ports: [{ port: 80, targetPort }] },
  };
}

function podSpec(script: string, extra: Extra = {}, volumes: readonly Volume[] = []) {
  return {
    // a shell as process 1 ignores SIGTERM
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'main',
        image: busyboxImage,
        imagePullPolicy: 'Never',
        command: ['sh', '-c', script],
        volumeMounts: volumes.map(({ name }) => ({ name, mountPath: `/volumes/${name}` })),
        ...extra,
      },
    ],
    volumes,
  };
}
