/**
 * A fixed part of Kubernetes' [Conformance] tests: from every field of it what takes seconds and needs no images but
 * those of images.ts. Names are those of the suite.
 */
export const chosenTests = [
  // the kubelet: what containers get and what becomes of them
  '[k8s.io] Container Runtime blackbox test on terminated container should report termination message [LinuxOnly] from file when pod succeeds and TerminationMessagePolicy FallbackToLogsOnError is set [NodeConformance] [Conformance]',
  "[k8s.io] Docker Containers should be able to override the image's default command and arguments [NodeConformance] [Conformance]",
  '[k8s.io] InitContainer [NodeConformance] should invoke init containers on a RestartNever pod [Conformance]',
  '[k8s.io] Kubelet when scheduling a busybox command in a pod should print the output to logs [NodeConformance] [Conformance]',
  '[k8s.io] Kubelet when scheduling a read only busybox container should not write to root filesystem [LinuxOnly] [NodeConformance] [Conformance]',
  '[k8s.io] KubeletManagedEtcHosts should test kubelet managed /etc/hosts file [LinuxOnly] [NodeConformance] [Conformance]',
  '[k8s.io] Pods should contain environment variables for services [NodeConformance] [Conformance]',
  '[k8s.io] Pods should delete a collection of pods [Conformance]',
  '[k8s.io] Pods should get a host IP [NodeConformance] [Conformance]',
  '[k8s.io] Pods should support remote command execution over websockets [NodeConformance] [Conformance]',
  '[k8s.io] Probing container should be restarted with a /healthz http liveness probe [NodeConformance] [Conformance]',
  '[k8s.io] Security Context When creating a container with runAsUser should run the container with uid 65534 [LinuxOnly] [NodeConformance] [Conformance]',
  '[k8s.io] Variable Expansion should allow substituting values in a volume subpath [sig-storage] [Conformance]',
  '[sig-node] Downward API should provide pod name, namespace and IP address as env vars [NodeConformance] [Conformance]',
  // volumes
  '[sig-storage] ConfigMap should be consumable from pods in volume as non-root [NodeConformance] [Conformance]',
  '[sig-storage] Downward API volume should provide node allocatable (memory) as default memory limit if the limit is not set [NodeConformance] [Conformance]',
  '[sig-storage] EmptyDir volumes pod should support shared volumes between containers [Conformance]',
  '[sig-storage] EmptyDir volumes should support (non-root,0666,tmpfs) [LinuxOnly] [NodeConformance] [Conformance]',
  '[sig-storage] Projected combined should project all components that make up the projection API [Projection][NodeConformance] [Conformance]',
  '[sig-storage] Secrets should be consumable from pods in volume as non-root with defaultMode and fsGroup set [LinuxOnly] [NodeConformance] [Conformance]',
  // the API server: access, extensions, watches
  '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate configmap [Conformance]',
  '[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny attaching pod [Conformance]',
  '[sig-api-machinery] CustomResourceConversionWebhook [Privileged:ClusterAdmin] should be able to convert from CR v1 to CR v2 [Conformance]',
  '[sig-api-machinery] CustomResourceDefinition resources [Privileged:ClusterAdmin] custom resource defaulting for requests and from storage works  [Conformance]',
  '[sig-api-machinery] Discovery should validate PreferredVersion for each APIGroup [Conformance]',
  '[sig-api-machinery] Garbage collector should delete pods created by rc when not orphaning [Conformance]',
  '[sig-api-machinery] Watchers should receive events on concurrent watches in same order [Conformance]',
  '[sig-auth] Certificates API [Privileged:ClusterAdmin] should support CSR API operations [Conformance]',
  '[sig-auth] ServiceAccounts should mount an API token into pods  [Conformance]',
  '[sig-auth] ServiceAccounts should mount projected service account token [Conformance]',
  // controllers
  '[sig-apps] Job should run a job to completion when tasks sometimes fail and are locally restarted [Conformance]',
  '[sig-apps] ReplicaSet should serve a basic image on each replica with a public image  [Conformance]',
  '[sig-apps] ReplicationController should surface a failure condition on a common issue like exceeded quota [Conformance]',
  // the network
  '[sig-network] Services should find a service from listing all namespaces [Conformance]',
  '[sig-network] Services should provide secure master service  [Conformance]',
  '[sig-network] Services should serve multiport endpoints from pods  [Conformance]',
  '[sig-network] Services should test the lifecycle of an Endpoint [Conformance]',
  // kubectl
  '[sig-cli] Kubectl client Kubectl logs should be able to retrieve and filter logs  [Conformance]',
  '[sig-cli] Kubectl client Proxy server should support proxy with --port 0  [Conformance]',
  '[sig-cli] Kubectl client Kubectl expose should create services for rc  [Conformance]',
] as const;
