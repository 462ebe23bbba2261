/**
 * Lines of scripts that were written for kind, and what they are here: docs/coming-from-kind.md shows them, a test checks
 * that every one is understood, and an end-to-end test runs them in this order.
 */

import { table } from './markdown.ts';

export interface KindLine {
  /** As it is in a script. */
  kind: string;
  /** As it is here: a command that can be run, in the order of the list; undefined: the line is left out. */
  knest: string | undefined;
  /** What is different, or why. */
  remark?: string;
  /** Not run end to end: it needs what a test does not have. */
  only?: 'shown';
}

/** The cluster of the lines is called "demo"; `app:1` is an image of Docker's. */
export const kindLines: readonly KindLine[] = [
  {
    kind: 'kind create cluster -n demo --image kindest/node:v1.30.0@sha256:...',
    knest: 'knest create cluster -n demo --image kindest/node:v1.30.0',
    remark: 'the version is read from the tag, and told; an image whose tag has none is refused',
    only: 'shown',
  },
  { kind: 'kind create cluster -n demo --wait 5m', knest: 'knest create cluster -n demo --wait 5m' },
  {
    kind: 'kind create cluster --config kind.yaml --retain -v 1',
    knest: 'knest create cluster --config kind.yaml --retain -v 1',
    only: 'shown',
  },
  {
    kind: 'KIND_CLUSTER_NAME=demo kind ...',
    knest: undefined,
    remark: 'kind’s variables are not read: `--name demo`',
  },
  {
    kind: 'kind get clusters',
    knest: 'knest get clusters -o name',
    remark: 'without `-o name` it is a table',
  },
  { kind: 'kind get nodes -n demo', knest: 'knest get nodes -n demo -o name' },
  { kind: 'kind get nodes -A', knest: 'knest get nodes -A -o name' },
  { kind: 'kind get kubeconfig -n demo > FILE', knest: 'knest get kubeconfig -n demo > kubeconfig.yaml' },
  {
    kind: 'kind get kubeconfig -n demo --internal',
    knest: 'knest get kubeconfig -n demo --internal',
    remark:
      'the API’s address as nodes and pods see it; the usual one is the same unless `network.apiServer.port` is set',
  },
  { kind: 'kind export kubeconfig -n demo', knest: 'knest export kubeconfig -n demo' },
  {
    kind: 'kubectl --context kind-demo get nodes',
    knest: 'knest kubectl -- --context knest-demo get nodes',
    remark:
      'any kubectl does, with the context `knest-demo`; `knest kubectl` is the one that fits the cluster',
    only: 'shown',
  },
  { kind: 'kind load docker-image app:1 -n demo', knest: 'knest load docker-image app:1 -n demo' },
  {
    kind: 'KIND_EXPERIMENTAL_PROVIDER=podman kind load docker-image app:1',
    knest: 'knest load docker-image app:1 --from podman',
    remark: 'without `--from` the first of Docker, podman, nerdctl and containerd that has it',
    only: 'shown',
  },
  {
    kind: 'kind load docker-image app:1 --nodes demo-control-plane',
    knest: 'knest load docker-image app:1 -n demo --nodes demo-control-plane',
  },
  { kind: 'kind load image-archive app.tar -n demo', knest: 'knest load image-archive app.tar -n demo' },
  {
    kind: 'docker exec demo-control-plane crictl images',
    knest: 'knest get images -n demo',
    remark: 'Debian has no `crictl`; in a node there is `ctr -n k8s.io`',
  },
  {
    kind: 'docker exec demo-control-plane crictl pull IMAGE',
    knest: 'knest exec demo-control-plane -- ctr -n k8s.io images pull registry.example/app:1',
    only: 'shown',
  },
  {
    kind: 'docker exec demo-control-plane COMMAND',
    knest: 'knest exec demo-control-plane -- uname -r',
  },
  { kind: 'docker exec -it demo-control-plane bash', knest: 'knest shell demo-control-plane', only: 'shown' },
  { kind: 'docker stop demo-control-plane', knest: 'knest stop node demo-control-plane', only: 'shown' },
  { kind: 'docker logs demo-control-plane', knest: 'knest logs demo-control-plane -n 20' },
  {
    kind: 'docker inspect -f {{...IPAddress}} demo-control-plane',
    knest: 'knest get nodes -n demo -o wide',
    remark: '`-o json`: `addresses`',
  },
  {
    kind: 'kubectl -n kube-system wait pods --all --for=condition=Ready',
    knest: 'knest status cluster -n demo',
    remark:
      'components are units, and namespace `kube-system` may have no pod: `wait` finds none. `create cluster` has waited; `status` exits with 7 where something is not well',
  },
  {
    kind: 'kubectl -n kube-system wait deployment coredns --for=condition=Available',
    knest: 'knest status cluster -n demo',
    remark: 'knest-agent answers names; with `dns: { provider: coredns }` there is the Deployment',
  },
  {
    kind: 'kubectl -n kube-system get configmap coredns',
    knest: undefined,
    remark:
      '`dns.hosts`, `dns.stubDomains` and `dns.upstream` of the config; with `dns: { provider: coredns }` it is there',
  },
  {
    kind: 'kubectl -n kube-system get configmap kubeadm-config -o yaml',
    knest: 'knest kubectl --name demo -- -n kube-system get configmap kubeadm-config -o yaml',
    remark: 'the subnets are in it',
  },
  {
    kind: 'kubectl -n kube-system get configmap kube-proxy -o yaml',
    knest: 'knest kubectl --name demo -- -n kube-system get configmap kube-proxy -o yaml',
    remark: 'to be read: kube-proxy is a unit, changes go into `components.kubeProxy.config`',
  },
  {
    kind: 'kubectl get componentstatuses',
    knest: 'knest kubectl --name demo -- get --raw /readyz?verbose',
    remark:
      'Kubernetes 1.20 asks for it at ports without TLS, which are closed here as they are with kubeadm: Unhealthy, though nothing is wrong',
  },
  {
    kind: 'kind export logs DIR -n demo',
    knest: 'knest export logs logs -n demo',
    remark: 'or one file: `report.tar.gz`',
  },
  {
    kind: 'kind build node-image DIR',
    knest: 'knest build image --source /src/kubernetes',
    remark: 'a folder of binaries, or a checkout that was built',
    only: 'shown',
  },
  { kind: 'kind delete cluster -n demo', knest: 'knest delete cluster -n demo' },
  { kind: 'kind delete clusters --all', knest: 'knest delete clusters --all' },
];

const [begin, end] = ['<!-- lines of scripts: begin -->', '<!-- lines of scripts: end -->'];

/** The page with the table of the lines between its marks. @throws Error when it has no marks */
export function withKindLines(page: string): string {
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error('the page has no place for the lines');
  const code = (text: string): string => `\`${text}\``;
  const rows = kindLines.map(({ kind, knest, remark = '' }) => [
    code(kind),
    knest === undefined ? '' : code(knest),
    remark,
  ]);
  return [
    before,
    begin,
    '\n\n',
    table(['Line', 'Here', 'Remarks'], rows).join('\n'),
    '\n\n',
    end,
    after,
  ].join('');
}
