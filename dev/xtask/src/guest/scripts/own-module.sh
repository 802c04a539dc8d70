# SPDX-License-Identifier: GPL-2.0-only
#
# An author's own module, from nothing to its device, with the four commands of
# docs/driver-authors.md. dkms-rust is already installed.

cd /root || exit 1
export DEBFULLNAME="Ann Author" DEBEMAIL=ann@debian.org
try new "dkms-rust new hello"
cd hello || exit 1
try make-deb "make deb"
try apt-install-it "apt-get -q -y install ./build/hello-dkms_0.1.0_all.deb"
try device-says-hello "cat /dev/hello && test \"\$(cat /dev/hello)\" = 'Hello from hello'"
try apt-purge-it "apt-get -q -y purge hello-dkms && test ! -e /dev/hello && ! modinfo hello"
