# SPDX-License-Identifier: GPL-2.0-only
#
# What the booted Debian shows to the developer: apt installs the driver while the system runs, then
# the driver is checked and removed. Each case ends with a line that xtask reads. /srv/guest is the
# second disk: the apt repository, and dkms-rust's cache, which was filled before.

mkdir -p /var/cache/dkms-rust
mount --bind /srv/guest/cache /var/cache/dkms-rust
cp /srv/guest/procdriver.sources /etc/apt/sources.list.d/

try not-there-before "test ! -e $entry"
try apt-update "apt-get -q update"
try apt-install "apt-get -q -y install procdriver-dkms"
try entry-says-hello "cat $entry && test \"\$(cat $entry)\" = Hello"
try module-is-listed "lsmod | grep -w ^procDriver"
try modinfo "modinfo procDriver"
try version-is-the-packages "v=\$(cat /sys/module/procDriver/version) && echo \$v && dpkg-query -Wf '\${Version}' procdriver-dkms | grep -x \"\$v\""
try dkms-status "dkms status procdriver | grep \"\$(uname -r).*installed\""
try dkms-rust-status "dkms-rust status"
try loaded-at-boot "systemctl restart systemd-modules-load && test -e $entry"
try autopkgtest "sh /srv/guest/install-test"
try apt-remove "apt-get -q -y remove procdriver-dkms"
try entry-is-gone "test ! -e /proc/1999_proc && ! lsmod | grep -w ^procDriver && ! modinfo procDriver"
