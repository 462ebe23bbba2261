/**
 * System calls that machines may make beyond those that systemd-nspawn allows whoever has all capabilities
 * (src/nspawn/nspawn-seccomp.c): a machine is a node, not a sandbox, and what pods may is for their own filters to say.
 */
export const systemCalls = [
  // runc makes a session keyring for each container
  '@keyring',
  // protection keys of memory: glibc and others call these without any capability
  '@pkey',
  // device filters on cgroup v2, network add-ons
  'bpf',
  // tracing and profiling (perf, bcc, bpftrace)
  'perf_event_open',
  // programs that watch all of a node's files for security
  'fanotify_init',
  'fanotify_mark',
  // finding a cgroup by its number (bpftrace, Tetragon), NFS servers in pods
  'open_by_handle_at',
  // project quotas, by which kubelets measure emptyDirs and storage drivers limit volumes
  'quotactl',
] as const;
