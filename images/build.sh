#!/bin/sh
# Builds kb-node.qcow2, the image of all servers of a load test: Debian 12 with what agents start, and
# cloud-init to start them. See README.md beside this file. As root, or as a user with subordinate ids.
#   build.sh [OUTPUT_FILE]
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
here=$(cd "$(dirname "$0")" && pwd)
output=${1:-kb-node.qcow2}
suite=bookworm
slack=${KB_IMAGE_SLACK:-300} # MiB that the root file system has free before cloud-init grows it

missing=
for tool in mmdebstrap mke2fs sfdisk grub-mkimage qemu-img; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -e /usr/lib/grub/i386-pc/boot.img ] || missing="$missing grub-pc-bin"
if [ -n "$missing" ]; then
    echo "Not here:$missing. On Debian: apt-get install mmdebstrap e2fsprogs fdisk grub-common grub-pc-bin qemu-utils" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    mode=root
    mapped() { "$@"; }
else
    mode=unshare
    mapped() { mmdebstrap --unshare-helper "$@"; }
fi

mkdir -p "$(dirname "$output")"
work=$(mktemp -d "${TMPDIR:-/tmp}/kb-image.XXXXXX")
chmod 755 "$work"
# What is in the tree is the mapped ids', the tree itself the user's.
trap 'mapped find "$work/tree" -xdev -mindepth 1 -delete || :; rm -rf "$work"' EXIT
mkdir "$work/tree"
[ "$mode" = root ] || chmod 777 "$work/tree"
root=$work/tree/root

packages=$(grep -v '^#' "$here/packages.txt" | paste -sd, -)
mmdebstrap --mode="$mode" --variant=minbase --format=directory --include="$packages" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="copy-in $here/files/etc /" \
    --customize-hook='chroot "$1" cloud-init schema --config-file /etc/cloud/cloud.cfg.d/90-kb-node.cfg' \
    --customize-hook='chroot "$1" systemctl disable nginx.service redis-server.service' \
    --customize-hook='chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer' \
    --customize-hook='chroot "$1" passwd --lock root' \
    --customize-hook='rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/hostname "$1"/var/lib/dbus/machine-id' \
    --customize-hook='rm -rf "$1"/var/lib/cloud/* "$1"/var/log/*.log' \
    --customize-hook=': >"$1/etc/machine-id"; : >"$1/etc/resolv.conf"' \
    --customize-hook='chroot "$1" dpkg-query -W -f "\${Package} \${Version}\n" >"$1/etc/kb-node.packages"' \
    "$suite" "$root"

# One partition at 1 MiB, GRUB in the gap before it: no loop device and no chroot is needed for that.
size=$(($(mapped du -sxm "$root" | cut -f1) * 11 / 10 + slack))
touch "$work/tree/part.img"
[ "$mode" = root ] || chmod 666 "$work/tree/part.img"
mapped mke2fs -q -t ext4 -L kb-node -m 1 -d "$root" "$work/tree/part.img" "${size}M"
truncate -s $((size + 2))M "$work/disk.img"
echo '2048,,L,*' | sfdisk -q "$work/disk.img"
dd if="$work/tree/part.img" of="$work/disk.img" bs=1M seek=1 conv=notrunc,sparse status=none
cp "$here/grub.cfg" "$work/grub.cfg"
grub-mkimage -O i386-pc -o "$work/core.img" -c "$work/grub.cfg" -p '(hd0,msdos1)/boot' \
    biosdisk part_msdos ext2 linux boot test echo
[ "$(stat -c %s "$work/core.img")" -lt $((2047 * 512)) ]
dd if=/usr/lib/grub/i386-pc/boot.img of="$work/disk.img" bs=446 count=1 conv=notrunc status=none
dd if="$work/core.img" of="$work/disk.img" bs=512 seek=1 conv=notrunc status=none
qemu-img convert -c -O qcow2 "$work/disk.img" "$output"
sha512sum "$output"
