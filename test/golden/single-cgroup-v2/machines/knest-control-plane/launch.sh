#!/bin/sh
# Starts machine knest-control-plane in the foreground. knest runs it detached; it can be run by hand as well.
set -eu

# First of all who this is, so that it can be found and ended: pid, start time (pids are reused), boot.
echo "$$ $(cut -d' ' -f22 /proc/$$/stat) $(cat /proc/sys/kernel/random/boot_id)" > /var/lib/knest/machines/knest-control-plane/pid.new
mv /var/lib/knest/machines/knest-control-plane/pid.new /var/lib/knest/machines/knest-control-plane/pid
# Deleting a machine begins with this script: it may have begun just now.
[ -e /var/lib/knest/machines/knest-control-plane/launch ] || exit 0

# Root file system: what this machine changed, over read-only layers that all machines share.
mountpoint -q /var/lib/knest/machines/knest-control-plane/root || mount -t overlay overlay -o lowerdir=/var/cache/knest/layers/kubernetes-v1.20.2-debian-0123456789ab:/var/cache/knest/layers/rootfs-trixie-amd64-HASH,upperdir=/var/lib/knest/machines/knest-control-plane/upper,workdir=/var/lib/knest/machines/knest-control-plane/work /var/lib/knest/machines/knest-control-plane/root

# A cgroup of its own, with every controller.
mkdir -p /sys/fs/cgroup/knest/knest-control-plane
# The root of all cgroups may have processes and hand controllers on. In a container this is another cgroup, which may
# not: what is in it moves aside for good, as in the image of Docker for Docker in Docker. Only the root has no type.
if [ -e /sys/fs/cgroup/cgroup.type ]; then
  mkdir -p /sys/fs/cgroup/init
  for pid in $(cat /sys/fs/cgroup/cgroup.procs); do echo "$pid" > /sys/fs/cgroup/init/cgroup.procs 2>/dev/null || true; done
fi
for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
  echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control || true
  echo "+$controller" > /sys/fs/cgroup/knest/cgroup.subtree_control || true
done
for controller in cpu cpuset memory pids; do
  if ! grep -qw "$controller" /sys/fs/cgroup/knest/knest-control-plane/cgroup.controllers; then
    echo "/sys/fs/cgroup hands on no controller $controller: Kubernetes cannot run without it" >&2
    exit 1
  fi
done
echo $$ > /sys/fs/cgroup/knest/knest-control-plane/cgroup.procs

# /proc/sys/net belongs to the network namespace: kube-proxy and CNI plugins write there.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
exec systemd-nspawn \
    --quiet \
    --boot \
    --directory=/var/lib/knest/machines/knest-control-plane/root \
    --machine=knest-control-plane \
    --register=no \
    --keep-unit \
    --settings=no \
    --network-bridge=kn-knest \
    --capability=all \
    '--system-call-filter=@keyring @pkey bpf perf_event_open fanotify_init fanotify_mark open_by_handle_at quotactl' \
    --resolv-conf=off \
    --timezone=off \
    --link-journal=no \
    --bind=/var/lib/knest/machines/knest-control-plane/data/containerd:/var/lib/containerd \
    --bind=/var/lib/knest/machines/knest-control-plane/data/kubelet:/var/lib/kubelet \
    --bind=/var/lib/knest/machines/knest-control-plane/data/knest-volumes:/var/lib/knest-volumes \
    --bind=/var/lib/knest/machines/knest-control-plane/data/etcd:/var/lib/etcd \
    --bind=/dev/fuse:/dev/fuse \
    --bind-ro=/lib/modules:/usr/lib/modules
