#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The init of the booted Debian's initramfs: loads the modules for the disks, mounts them, and
# starts systemd. The second disk, if any, contains the data of this run.
bb=/bin/busybox

die() {
	echo "initramfs: $*"
	# Without an init the kernel panics, which ends the guest.
	exit 1
}

$bb mount -t devtmpfs dev /dev || die "cannot mount /dev"
for module in /modules/*.ko; do
	$bb insmod "$module" || die "cannot insert $module"
done
$bb mount -t ext4 -o noatime /dev/vda /root || die "cannot mount the root"
[ ! -b /dev/vdb ] || $bb mount -t ext4 -o noatime /dev/vdb /root/srv/guest ||
	die "cannot mount the second disk"
$bb mount -o move /dev /root/dev || die "cannot move /dev"
exec $bb switch_root /root /sbin/init
