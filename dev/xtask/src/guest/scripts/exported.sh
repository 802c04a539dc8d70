# SPDX-License-Identifier: GPL-2.0-only
#
# A prebuilt module in other forms: a container image, loaded as the worker of Kernel Module
# Management does, by a modprobe of its own; and a system extension.

# Debian with podman: the files that it adds are on the second disk.
host=/run/host
podman="chroot $host podman --storage-driver vfs"
mkdir -p $host /run/upper /run/work
mount -t overlay -o lowerdir=/srv/guest:/,upperdir=/run/upper,workdir=/run/work overlay $host
# This script is called `run`, too.
rm $host/run && mkdir $host/run
for dir in proc sys dev; do mount --rbind /$dir $host/$dir; done

try podman-copies-the-module "$podman load -q -i /image.tar && $podman create -q --network none --name kmm \$($podman images -q) x && $podman cp kmm:/opt /copied && find $host/copied -name procDriver.ko | grep ."
try image-loads "modprobe -vd $host/copied procDriver && grep -x Hello $entry"
try image-unloads "modprobe -rvd $host/copied procDriver && test ! -e $entry"

cp /srv/guest/hello.raw /var/lib/extensions/
try extension-is-merged "systemd-sysext merge && systemctl daemon-reload && systemctl cat hello.service"
try extension-loads "systemctl start hello.service && grep -x Hello $entry"
try extension-unloads "systemctl stop hello.service && test ! -e $entry"
echo 'blacklist procDriver' > /etc/modprobe.d/blacklisted.conf
try extension-heeds-a-blacklist "systemctl start hello.service; test ! -e $entry && ! systemctl is-failed hello.service"
try extension-goes "systemd-sysext unmerge && test ! -e /usr/lib/systemd/system/hello.service"
end
