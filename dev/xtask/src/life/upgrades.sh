# SPDX-License-Identifier: GPL-2.0-only
#
# Upgrade, downgrade, reinstallation and removal while the module is loaded, and while a program has
# the file open. /srv/guest is the second disk: dkms-rust's cache, and apt repositories of the
# packages, of the next version, and of one whose driver does not compile.

mkdir -p /var/cache/dkms-rust
mount --bind /srv/guest/cache /var/cache/dkms-rust

# Adds a repository to apt's sources.
offer() {
	cp "/srv/guest/$1.sources" /etc/apt/sources.list.d/
	apt-get -q update
}

offer procdriver
first=$(apt-cache show procdriver-dkms | sed -n 's/^Version: //p')
loaded="cat /sys/module/procDriver/version"
found="modinfo -F version procDriver"

try apt-install "apt-get -q -y install procdriver-dkms && $loaded | grep -Fx $first"

offer next
try upgrade-replaces-the-module "echo kept > $entry && apt-get -q -y upgrade && $loaded | grep -F $first+ && grep -x Hello $entry"
next=$($loaded)

# tail keeps the file open. apt runs dpkg in a terminal, so each line ends with a carriage return.
tail -f /dev/null < $entry &
holder=$!
try downgrade-leaves-a-module-in-use "apt-get -q -y --allow-downgrades install procdriver-dkms=$first dkms-rust=$first dkms-rust-common=$first > /root/said; status=\$?; cat /root/said; grep -w $holder /root/said && $loaded | grep -Fx $next && $found | grep -Fx $first && exit \$status"
try commands-that-it-printed-change-over "sed -n 's/.*to load the new one: //p' /root/said | tr -d '\r' > /root/commands && test -s /root/commands && sh -ex /root/commands && $loaded | grep -Fx $first"
kill $holder

# apt reinstalls the version that it would upgrade to, which is the next one.
try reinstall-replaces-the-module "echo kept > $entry && apt-get -q -y reinstall procdriver-dkms && $loaded | grep -Fx $next && grep -x Hello $entry"

offer worse
try version-that-does-not-compile "echo kept > $entry && apt-get -q -y upgrade > /root/said; status=\$?; cat /root/said; grep 'broken on purpose' /root/said && dpkg-query -W procdriver-dkms | grep worse && $found | grep -Fx $next && $loaded | grep -Fx $next && grep -x kept $entry && exit \$status"

test ! -e $entry || exec 4< $entry
try remove-while-in-use "apt-get -q -y remove procdriver-dkms && test ! -e /proc/1999_proc && ! $found"
try file-that-was-open-gives-an-error "cat <&4 2>&1 | grep 'Input/output error'"
exec 4<&-
try purge "apt-get -q -y purge procdriver-dkms dkms-rust dkms-rust-common && test ! -e /var/lib/dkms/procdriver && test -z \"\$(dpkg --audit)\""
end
