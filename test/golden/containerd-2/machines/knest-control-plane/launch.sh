#!/bin/sh
# Starts machine knest-control-plane in the foreground. knest runs it detached; it can be run by hand as well.
set -eu

# First of all who this is, so that it can be found and ended: pid, start time (pids are reused), boot.
echo "$$ $(cut -d' ' -f22 /proc/$$/stat) $(cat /proc/sys/kernel/random/boot_id)" > /var/lib/knest/machines/knest-control-plane/pid.new
mv /var/lib/knest/machines/knest-control-plane/pid.new /var/lib/knest/machines/knest-control-plane/pid
# Deleting a machine begins with this script: it may have begun just now.
[ -e /var/lib/knest/machines/knest-control-plane/launch ] || exit 0

# Root file system: what this machine changed, over read-only layers that all machines share.
mountpoint -q /var/lib/knest/machines/knest-control-plane/root || mount -t overlay overlay -o lowerdir=/var/cache/knest/layers/kubernetes-v1.36.2-release-0123456789ab:/var/cache/knest/layers/containerd-2.3.4-release-amd64-0123456789ab:/var/cache/knest/layers/runc-1.4.3-release-amd64-0123456789ab:/var/cache/knest/layers/rootfs-trixie-amd64-HASH,upperdir=/var/lib/knest/machines/knest-control-plane/upper,workdir=/var/lib/knest/machines/knest-control-plane/work /var/lib/knest/machines/knest-control-plane/root

# Cgroups of its own in every hierarchy.
mkdir -p /sys/fs/cgroup/cpu/knest/knest-control-plane /sys/fs/cgroup/cpuset/knest/knest-control-plane /sys/fs/cgroup/memory/knest/knest-control-plane /sys/fs/cgroup/pids/knest/knest-control-plane /sys/fs/cgroup/systemd/knest/knest-control-plane /sys/fs/cgroup/unified/knest/knest-control-plane
for hierarchy in /sys/fs/cgroup/cpu /sys/fs/cgroup/cpuset /sys/fs/cgroup/memory /sys/fs/cgroup/pids /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
  parent=$hierarchy/knest
  if [ -e $parent/cpuset.cpus ]; then # empty at first, and then no process may enter
    read -r cpus < $hierarchy/cpuset.cpus
    read -r mems < $hierarchy/cpuset.mems
    for group in $parent $parent/knest-control-plane; do
      echo $cpus > $group/cpuset.cpus
      echo $mems > $group/cpuset.mems
      echo 1 > $group/cgroup.clone_children
    done
  fi
  # all machines together weigh as much as 16 processes of the host, not as one
  if [ -e $parent/cpu.shares ]; then echo 16384 > $parent/cpu.shares; fi
  # pods are accounted to the machine
  if [ -e $parent/memory.use_hierarchy ]; then echo 1 > $parent/memory.use_hierarchy 2>/dev/null || true; fi
  echo $$ > $parent/knest-control-plane/cgroup.procs
done

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
