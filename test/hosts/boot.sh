#!/bin/bash
# PID 1 of a namespace host, from the machine's root to its own: called by host.ts in fresh mount, PID, network, UTS, IPC and cgroup
# namespaces, inside the host's cgroups. Then it reaps what is orphaned. $1: the host's directory, $2: its name; BINDS: paths of the machine
# that the host sees as they are, one a line.
set -eu
dir=$1 name=$2 root=$1/root
# The harness takes the process that waits for this one out of the groups, and plugs the cable in.
until [ -e "$dir/go" ]; do sleep 0.01; done
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/upper,workdir=$dir/work" "$root"

mount -t proc proc "$root/proc"
# What is not in a namespace must not be changed from here; /proc/sys/net is, and CNI plugins write to it.
for each in abi debug dev fs kernel user vm; do
  [ -d "$root/proc/sys/$each" ] || continue
  mount --bind "$root/proc/sys/$each" "$root/proc/sys/$each"
  mount -o remount,ro,bind "$root/proc/sys/$each"
done
[ ! -e "$root/proc/sysrq-trigger" ] || mount --bind /dev/null "$root/proc/sysrq-trigger"
cat /proc/sys/kernel/random/uuid > "$dir/boot_id"
mount --bind "$dir/boot_id" "$root/proc/sys/kernel/random/boot_id"

mount -t sysfs sysfs "$root/sys"
mount -o remount,ro,bind "$root/sys"
if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  # Controllers can be handed down only by a group without processes (cgroup v2's rule of no internal processes).
  mkdir -p "$root/sys/fs/cgroup/init"
  echo $$ > "$root/sys/fs/cgroup/init/cgroup.procs"
  for each in $(cat "$root/sys/fs/cgroup/cgroup.controllers"); do echo "+$each" > "$root/sys/fs/cgroup/cgroup.subtree_control" || true; done
else
  mount -t tmpfs -o mode=755 tmpfs "$root/sys/fs/cgroup"
  while read -r _ point type options _; do
    case $type in
      cgroup)
        mkdir -p "$root$point"
        which=$(echo "$options" | tr , '\n' | grep -vxE 'rw|ro|relatime|nosuid|nodev|noexec|clone_children|release_agent=.*|xattr' | paste -sd,)
        mount -t cgroup -o "$which" cgroup "$root$point" ;;
      cgroup2) mkdir -p "$root$point"; mount -t cgroup2 cgroup2 "$root$point" ;;
    esac
  done < <(grep -E '^[^ ]+ /sys/fs/cgroup/[^ ]+ cgroup2? ' "$dir/mounts")
fi

mount -t tmpfs -o mode=755 tmpfs "$root/dev"
node() { mknod -m 666 "$root/dev/$1" "${4:-c}" "$2" "$3"; }
node null 1 3; node zero 1 5; node full 1 7; node random 1 8; node urandom 1 9; node tty 5 0; node fuse 10 229
mkdir "$root/dev/net" "$root/dev/pts" "$root/dev/shm" "$root/dev/mqueue"
node net/tun 10 200
node loop-control 10 237
for each in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do node "loop$each" 7 "$each" b; done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"; ln -s fd/0 "$root/dev/stdin"; ln -s fd/1 "$root/dev/stdout"; ln -s fd/2 "$root/dev/stderr"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t mqueue mqueue "$root/dev/mqueue"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"

# An overlay cannot be the upper layer of another: what holds such things is a directory of the machine's own file system.
if [ ! -e "$dir/installed" ]; then
  for each in /etc/kubernetes /etc/cni/net.d /etc/containerd /var/lib/kubelet /var/lib/containerd /var/lib/etcd /var/lib/cni \
    /var/log/pods /var/log/containers; do
    rm -rf "${root:?}$each"; mkdir -p "$root$each"
  done
  tr -d - < "$dir/boot_id" > "$root/etc/machine-id"
  touch "$dir/installed"
fi
for each in containerd kubelet etcd; do
  mkdir -p "$dir/data/$each"
  mount --bind "$dir/data/$each" "$root/var/lib/$each"
done
mkdir -p "$root/share" "$dir/share"
mount --bind "$dir/share" "$root/share"
while read -r each; do
  [ -n "$each" ] || continue
  mkdir -p "$root$each"
  mount --bind "$each" "$root$each"
done <<< "${BINDS:-}"

hostname "$name"
echo "$name" > "$root/etc/hostname"
cp "$dir/hosts" "$root/etc/hosts"
rm -f "$root/etc/resolv.conf"; cp "$dir/resolv.conf" "$root/etc/resolv.conf"

mkdir -p "$root/run/.machine"
cd "$root"
pivot_root . run/.machine
cd /
umount -l /run/.machine
rmdir /run/.machine
mount --make-rshared /
echo ready > /share/.booted
exec >/dev/null 2>&1 </dev/null
sleep infinity &
while :; do wait -n || sleep 0.2; done
