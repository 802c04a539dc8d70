# SPDX-License-Identifier: GPL-2.0-only
#
# A Debian whose kernel was told to load only what is signed by a key that it knows, as Secure Boot
# has it, and in which nobody has enrolled dkms's key: apt must not mind, and the admin must learn
# what to type. The key was made before, for lack of openssl in here.

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
end
