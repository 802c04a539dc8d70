# SPDX-License-Identifier: GPL-2.0-only
#
# Upgrade, downgrade, reinstallation and removal while the module is loaded, and while a program
# has the file open. /srv/guest is the second disk: apt repositories of the packages, of a version
# that follows and of one whose driver does not compile; and dkms-rust's cache.

mkdir -p /var/cache/dkms-rust
mount --bind /srv/guest/cache /var/cache/dkms-rust

# Lets apt know one more repository.
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

# It has the file open. What apt passes on comes from a terminal, with a carriage return a line.
tail -f /dev/null < $entry &
holder=$!
try downgrade-leaves-a-module-in-use "apt-get -q -y --allow-downgrades install procdriver-dkms=$first dkms-rust=$first > /root/said; status=\$?; cat /root/said; grep -w $holder /root/said && $loaded | grep -Fx $next && $found | grep -Fx $first && exit \$status"
try commands-that-it-printed-change-over "sed -n 's/.*to change over: //p' /root/said | tr -d '\r' > /root/commands && test -s /root/commands && sh -ex /root/commands && $loaded | grep -Fx $first"
kill $holder

# To what apt would upgrade, which is the version that follows.
try reinstall-replaces-the-module "echo kept > $entry && apt-get -q -y reinstall procdriver-dkms && $loaded | grep -Fx $next && grep -x Hello $entry"

offer worse
try version-that-does-not-compile "echo kept > $entry && apt-get -q -y upgrade > /root/said; status=\$?; cat /root/said; grep 'broken on purpose' /root/said && dpkg-query -W procdriver-dkms | grep worse && $found | grep -Fx $next && $loaded | grep -Fx $next && grep -x kept $entry && exit \$status"

test ! -e $entry || exec 4< $entry
try remove-while-in-use "apt-get -q -y remove procdriver-dkms && test ! -e /proc/1999_proc && ! $found"
try file-that-was-open-gives-an-error "cat <&4 2>&1 | grep 'Input/output error'"
exec 4<&-
try purge "apt-get -q -y purge procdriver-dkms dkms-rust && test ! -e /var/lib/dkms/procdriver && test -z \"\$(dpkg --audit)\""
end
