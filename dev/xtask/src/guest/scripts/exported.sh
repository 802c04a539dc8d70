# SPDX-License-Identifier: GPL-2.0-only
#
# A prebuilt module in other forms: a container image, loaded as the worker of Kernel Module
# Management does, by a modprobe of its own; and a system extension.

image=/run/image
try image-has-the-module "mkdir $image && tar -xf /srv/guest/image.tar -C $image && for blob in $image/blobs/sha256/*; do tar -xf \$blob -C $image 2> /dev/null; done; find $image/opt -name procDriver.ko | grep ."
try image-loads "modprobe -vd $image/opt procDriver && grep -x Hello $entry"
try image-unloads "modprobe -rvd $image/opt procDriver && test ! -e $entry"

cp /srv/guest/hello.raw /var/lib/extensions/
try extension-is-merged "systemd-sysext merge && systemctl daemon-reload && systemctl cat hello.service"
try extension-loads "systemctl start hello.service && grep -x Hello $entry"
try extension-unloads "systemctl stop hello.service && test ! -e $entry"
echo 'blacklist procDriver' > /etc/modprobe.d/blacklisted.conf
try extension-heeds-a-blacklist "systemctl start hello.service; test ! -e $entry && ! systemctl is-failed hello.service"
try extension-goes "systemd-sysext unmerge && test ! -e /usr/lib/systemd/system/hello.service"
end
