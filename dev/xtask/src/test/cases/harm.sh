# SPDX-License-Identifier: GPL-2.0-only
#
# For a booted Debian: dkms-rust compiles a source of the running kernel, whose macros do harm.
# /srv/guest is the second disk. It contains the package, the results for the genuine source, the
# slice of the tampered one, and a program that does the same harm, to show that it is possible.

mount --bind /srv/guest/cache /var/cache/dkms-rust
mkdir -p /var/lib/dkms-rust/source
cp /srv/guest/source/* /var/lib/dkms-rust/source/
cp /srv/guest/procdriver.sources /etc/apt/sources.list.d/
cp /srv/guest/harm /root/harm
chmod 755 /root/harm
R=$(uname -r)

try apt-install "apt-get -q update && apt-get -q -y install dkms-rust"
try harm-can-be-done "/root/harm | grep 'harm: wrote true, chmod true, connected true' && rm /etc/harm && chmod 640 /etc/shadow"
try says-that-compilers-are-confined "dkms-rust check -k $R --json | grep '\"confined\":\"files and network\"'"
try a-macro-that-does-harm "dkms-rust kdir -k $R > /root/said 2>&1; status=\$?; cat /root/said; [ \$status = 1 ] && grep 'harm: wrote false, chmod false, connected false' /root/said"
try no-harm-was-done "[ \$(stat -c %a /etc/shadow) = 640 ] && [ ! -e /etc/harm ]"
end
