# SPDX-License-Identifier: GPL-2.0-only
#
# A Debian whose kernel loads only modules signed by a known key, as with Secure Boot, while nobody
# has enrolled dkms's key. apt must succeed, and the admin must be told what to type. The key was
# made before, because there is no openssl here. The same for a prebuilt module, which is signed with
# the key of those who built it.

mkdir -p /var/cache/dkms-rust
mount --bind /srv/guest/cache /var/cache/dkms-rust
cp /srv/guest/procdriver.sources /etc/apt/sources.list.d/
install -D -m 600 /srv/guest/mok.key /var/lib/dkms/mok.key
install -D -m 644 /srv/guest/mok.pub /var/lib/dkms/mok.pub
key=/var/lib/dkms/mok.pub

try signatures-are-enforced "grep -x Y /sys/module/module/parameters/sig_enforce"
try apt-update "apt-get -q update"
try apt-install-succeeds "apt-get -q -y install procdriver-dkms > /run/said 2>&1; s=\$?; cat /run/said; exit \$s"
try package-is-configured "dpkg-query -Wf '\${Status}\n' procdriver-dkms | grep -x 'install ok installed'"
try module-is-signed "modinfo -F signer procDriver | grep -x 'DKMS module signing key'"
try install-says-why "grep 'signed with dkms.s key, which the kernel does not know' /run/said"
try install-says-what-to-type "grep -F '    mokutil --import $key' /run/said && test -e $key"
try entry-is-not-there "test ! -e $entry && ! lsmod | grep -w ^procDriver"
try status-says-what-to-type "dkms-rust status; test \$? = 1 && dkms-rust status | grep 'mend: mokutil --import $key'"
try status-as-json "dkms-rust status --json | tr -d ' \n' | grep -o '\"kind\":\"untrusted\"'"
try apt-purge-succeeds "apt-get -q -y purge procdriver-dkms && test ! -e /lib/modules/\$(uname -r)/updates/dkms"

cp /srv/guest/packed.sources /etc/apt/sources.list.d/
package=procdriver-modules-$(uname -r)
key=/usr/share/dkms-rust/prebuilt/procdriver/$(uname -r).der
try prebuilt-install-succeeds "apt-get -q update && apt-get -q -y install $package > /run/said 2>&1; s=\$?; cat /run/said; exit \$s"
try prebuilt-is-signed "modinfo -F signer procDriver | grep -x 'key of a fleet'"
try prebuilt-install-says-why "grep 'signed with the key of those who built it, which the kernel does not know' /run/said"
try prebuilt-install-says-what-to-type "grep -F '    mokutil --import $key' /run/said && test -e $key"
try prebuilt-entry-is-not-there "test ! -e $entry && ! lsmod | grep -w ^procDriver"
try prebuilt-status-says-what-to-type "dkms-rust status; test \$? = 1 && dkms-rust status | grep 'mend: mokutil --import $key'"
try prebuilt-purge-succeeds "apt-get -q -y purge $package && test ! -e /lib/modules/\$(uname -r)/updates && test ! -e $key"
end
