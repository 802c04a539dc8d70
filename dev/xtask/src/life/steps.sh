#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Functions for the steps of the cases. These variables are set before: OLD and NEW are the releases
# of the two kernels, OLD_SERIES and NEW_SERIES their first two numbers. V is the version of the
# packages, NEXT the one after it, and WORSE the one after that, whose driver does not compile.
# BEFORE is the release of the kernel before OLD in its series, empty if the archive has none.
# /srv/offers contains sources files of local apt repositories: procdriver, next and worse (the
# packages), old, new and before (the kernels), and rustc (a newer one); and of the archive's forky.
# If a case needs them: packed-old and packed-new (the prebuilt module of V for OLD and NEW), and
# packed-next (that of NEXT for both). /srv/fleet.pem and fleet.der are the key that signed them.
# /srv/warm contains what dkms-rust keeps for each kernel.
set -eu
# dracut's kernel hook honours this: the guests have their own initramfs.
export INITRD=No

# Adds repositories to apt's sources.
offer() {
	for name in "$@"; do
		cp "/srv/offers/$name.sources" /etc/apt/sources.list.d/
	done
	apt-get -q update --error-on=any
}

install() {
	apt-get -q -y install "$@"
}

# Installs with apt's default settings, so with recommended packages. Kernels from backports get the
# priority that apt gives to backports.
install_stock() {
	printf 'Package: linux-*\nPin: version /~bpo/\nPin-Priority: 100\n' \
		>/etc/apt/preferences.d/backports
	apt-get -q -y -o APT::Install-Recommends=true install "$@"
}

# Pretends to have Debian 13's own linux-base. The one in this root came with a kernel from
# backports.
stock_base() {
	sed -i '/^Package: linux-base$/,/^$/s/^Version: .*/Version: 4.12.1/' /var/lib/dpkg/status
}

# Installs an empty package of this name.
dummy() {
	mkdir -p "/root/$1/DEBIAN"
	printf '%s\n' "Package: $1" 'Version: 6.12' 'Architecture: all' \
		'Maintainer: nobody <nobody@localhost>' 'Description: a kernel that is none' \
		>"/root/$1/DEBIAN/control"
	dpkg-deb --build "/root/$1"
	dpkg -i "/root/$1.deb"
}

# Checks that $1 is the only kernel installed, or that there is none if $1 is missing.
only_kernel() {
	found=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 'linux-image-[0-9]*' |
		sed -n 's/^linux-image-\(.*\) installed$/\1/p')
	[ "$found" = "${1-}" ] || {
		echo "the kernels that are installed: $found"
		return 1
	}
}

# Does the same as `apt upgrade`.
upgrade() {
	apt-get -q -y --with-new-pkgs upgrade
}

reinstall() {
	apt-get -q -y reinstall procdriver-dkms
}

# Runs the command that postinst prints, to be typed once the problem is mended.
build_again() {
	dpkg-reconfigure procdriver-dkms
}

# Fills dkms-rust's cache for kernels: a rebuild takes a minute for each.
warm() {
	mkdir -p /var/cache/dkms-rust /var/lib/dkms-rust/source
	for kernel in "$@"; do
		cp -a "/srv/warm/$kernel/cache/." /var/cache/dkms-rust
		cp -a "/srv/warm/$kernel/source/." /var/lib/dkms-rust/source
	done
}

# Runs the command that dkms-rust prints for kernel $1. Fills the cache first, unless $2 is cold.
obey() {
	mend=$(dkms-rust check -k "$1" 2>&1 | sed -n 's/^ *mend: //p')
	[ "${2-}" = cold ] || warm "$1"
	case $mend in
	'apt install '*)
		# shellcheck disable=SC2086 # words of a command
		install ${mend#apt install}
		;;
	'dkms-rust source '*) $mend ;;
	*)
		echo "no command for $1 but: $mend"
		return 1
		;;
	esac
}

# Unmounts a file system that dkms may still use: a `sleep` of its own outlives it by three seconds.
umount_soon() {
	for _ in 1 2 3 4 5; do
		umount "$1" && return
		sleep 1
	done
	return 1
}

# Runs a command, and fails if dkms-rust rebuilds anything.
without_a_rebuild() {
	"$@" >/root/said 2>&1 || {
		cat /root/said
		return 1
	}
	cat /root/said
	! grep -q rebuilding /root/said
}

# Makes the cache of kernel $1 look as if an older dkms-rust had made it with another recipe: the
# directory's name depends on everything that went into it.
of_another_recipe() {
	mv "/var/cache/dkms-rust/$1"/* "/var/cache/dkms-rust/$1/000000000000000000000000"
}

is_of_another_recipe() {
	test -e "/var/cache/dkms-rust/$1/000000000000000000000000"
}

# Prints how the driver for kernel $1 was built.
how_built() {
	modinfo -k "$1" -F dkms_rust procDriver
}

# Adds a field at the start of the structure of an open file in OLD's headers. The kernel does not
# have this field.
field_added() {
	header=$(readlink -f "/lib/modules/$OLD/source")/include/linux/fs.h
	cp -p "$header" /root/fs.h
	sed -i 's/^struct file {$/&\n\tunsigned long added_by_the_test;/' "$header"
	grep -q added_by_the_test "$header"
}

field_removed() {
	cp -p /root/fs.h "$(readlink -f "/lib/modules/$OLD/source")/include/linux/fs.h"
}

# Checks that the cache of kernel $1 contains the field.
sees_field() {
	grep -rq added_by_the_test "/var/cache/dkms-rust/$1" --include='*.rs'
}

# Adds a Rust module $1 of version 1 to dkms. Its init function runs the line $2.
add_module() {
	mkdir "/usr/src/$1-1"
	cat >"/usr/src/$1-1/dkms.conf" <<END
PACKAGE_NAME="$1"
PACKAGE_VERSION="1"
BUILT_MODULE_NAME[0]="$1"
$(sed '/^PACKAGE_NAME=/d; /^PACKAGE_VERSION=/d; /^BUILT_MODULE_NAME/d' /usr/src/procdriver-*/dkms.conf)
END
	echo "obj-m := $1.o" >"/usr/src/$1-1/Kbuild"
	cat >"/usr/src/$1-1/$1.rs" <<END
// SPDX-License-Identifier: GPL-2.0-only
//! A module of the tests.
use kernel::prelude::*;
module! { type: Module, name: "$1", license: "GPL", }
struct Module;
impl kernel::Module for Module {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        $2
        Ok(Self)
    }
}
END
	dkms add "$1/1"
}

# Prints the compiler's output for module $1.
log_of() {
	cat "/var/lib/dkms/$1/1/build/make.log"
}

# Checks that all packages are configured.
configured() {
	audit=$(dpkg --audit)
	[ -z "$audit" ] || {
		echo "$audit"
		return 1
	}
}

# Checks that kernel $1 has the module in version $2.
has() {
	found=$(modinfo -k "$1" -F version procDriver 2>/dev/null) || found=none
	[ "$found" = "$2" ] || {
		echo "$1 should have version $2 of the module, found: $found"
		return 1
	}
}

# Checks that kernel $1 does not have the module.
lacks() {
	has "$1" none
}

# Gives kernel $1 a module of the driver's name that has version $2.
kernels_own() {
	xz -dc "$(modinfo -k "$OLD" -n procDriver)" >/root/own.ko
	objcopy --dump-section .modinfo=/root/info /root/own.ko
	sed -zi "s/^version=.*/version=$2/" /root/info
	mkdir -p "/lib/modules/$1/kernel/drivers"
	objcopy --update-section .modinfo=/root/info /root/own.ko \
		"/lib/modules/$1/kernel/drivers/procDriver.ko"
}

# Checks that the packages have version $1.
is_at() {
	for name in procdriver-dkms dkms-rust dkms-rust-common; do
		dpkg-query -W -f '${Package} ${Version}\n' "$name" | grep -Fx "$name $1"
	done
}

# Checks that dkms has only version $1 of the driver.
only() {
	others=$(dkms status procdriver | grep -v "^procdriver/$1,") || return 0
	echo "$others"
	return 1
}

# Checks that nothing of ours is left for kernel $1.
gone() {
	left=$(find "/lib/modules/$1" "/var/cache/dkms-rust/$1" "/var/lib/dkms/procdriver" \
		-path "*$1*" 2>/dev/null) || true
	[ -z "$left" ] || {
		echo "left of $1:"
		echo "$left"
		return 1
	}
}

# Lists all files that should be the same after installation and purge. Left out are the files of
# dpkg and apt and the logs, which any package changes, and dkms's key, which is made once per
# machine for all modules.
listing() {
	find / -xdev \( -path /tmp -o -path /root -o -path /srv -o -path /etc/apt/sources.list.d \
		-o -path /var/cache/apt -o -path /var/cache/debconf -o -path /var/cache/ldconfig \
		-o -path /var/cache/man -o -path /var/lib/apt -o -path /var/lib/dpkg \
		-o -path '/var/lib/dkms/mok.*' -o -path /var/log \) -prune \
		-o -type f -printf '%p %M %u:%g %s\n' -o -printf '%p %M %u:%g %l\n' | sort
}

# Records the state of the system.
note() {
	listing >/root/before
}

# Checks that the system is in the recorded state.
as_noted() {
	listing | diff /root/before -
}

# Runs a line as the first process of a container that systemd-detect-virt recognises.
contained() {
	unshare --pid --fork --mount --kill-child env container=lxc \
		sh -c "mount -t proc proc /proc && . /srv/steps.sh && runs_pretended && $1"
}

# Makes kernel $1 look like the running one, and records calls of modprobe and insmod.
pretend() {
	echo "$1" >/root/osrelease
	runs_pretended
	for name in modprobe insmod; do
		rm /usr/sbin/$name
		cat >/usr/sbin/$name <<'END'
#!/bin/sh
echo "$0 $*" >>/root/loads
END
	done
	chmod 755 /usr/sbin/modprobe /usr/sbin/insmod
}

# A /proc that was mounted later does not show the pretended kernel.
runs_pretended() {
	mount --bind /root/osrelease /proc/sys/kernel/osrelease
	grep -Fxq "$(cat /root/osrelease)" /proc/sys/kernel/osrelease
}

# Moves a directory to a file system that is mounted noexec.
noexec() {
	cp -a -T "$1" "/root/$(basename "$1")"
	mount -t tmpfs -o noexec,mode=755 noexec "$1"
	cp -a -T "/root/$(basename "$1")" "$1"
	rm -r "/root/$(basename "$1")"
}

# Makes such directories normal again.
let_go() {
	for place in "$@"; do
		cp -a -T "$place" "/root/$(basename "$place")"
		# dkms may have left a sleep process in there.
		umount -l "$place"
		cp -a -T "/root/$(basename "$place")" "$place"
	done
}

# Checks that nobody tried to load a module.
nothing_loaded() {
	[ ! -e /root/loads ] || {
		cat /root/loads
		return 1
	}
}

# Makes the next make kill the maintainer script that it runs under, and nothing else.
kill_postinst() {
	mv /usr/bin/make /root/make
	cat >/usr/bin/make <<'END'
#!/bin/sh
pid=$PPID
while [ "$pid" -gt 1 ]; do
	case $(tr '\0' ' ' <"/proc/$pid/cmdline") in
	# Its subshells look the same. The topmost match is the script itself.
	*procdriver-dkms.postinst*) postinst=$pid ;;
	esac
	pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
done
kill -KILL "$postinst"
END
	chmod 755 /usr/bin/make
}

# Takes away all that builds. Only a machine whose modules are built elsewhere is left.
without_compilers() {
	apt-get -q -y purge binutils bindgen cpp dkms libclang-dev libclang1-19 libllvm19 linux-libc-dev \
		make rust-src rustc
	apt-get -q -y autoremove --purge
	for program in bindgen cc clang dkms gcc ld make rustc; do
		if command -v "$program"; then return 1; fi
	done
}

# Installs packages, and prints figures: what apt fetches, and how long it takes.
measured() {
	dpkg-query -W -f '${Package}\n' | sort >/root/packages
	apt-get -y --print-uris install "$@" |
		sed -n "s/^'[^']*' \([^ _]*\)_[^ ]* \([0-9]*\) .*/figure: \1: \2 bytes/p"
	began=$(date +%s%3N)
	install "$@"
	echo "figure: apt install of $*: $(($(date +%s%3N) - began)) ms"
	dpkg-query -W -f '${Package}\n' | sort | comm -13 /root/packages - >/root/came
}

# Checks that the last measured installation brought these packages and no other.
came() {
	printf '%s\n' "$@" | sort | diff - /root/came
}

# Packs version $1 of the driver for kernel $2 into the directory $3, signed as by a fleet.
packed() {
	mkdir -p "$3"
	dkms-rust pack "procdriver/$1" -k "$2" --key /srv/fleet.pem --certificate /srv/fleet.der -o "$3"
}

# Checks that kernel $1's module is the one in its directory updates/$2: that is dkms, or dkms-rust
# if it is prebuilt.
taken_from() {
	file=$(modinfo -k "$1" -F filename procDriver)
	case $file in
	*/updates/"$2"/*) ;;
	*)
		echo "$1 should have a module in updates/$2, found: $file"
		return 1
		;;
	esac
}

# Checks that dkms has built nothing for kernel $1.
unbuilt() {
	built=$(dkms status procdriver -k "$1" | grep -E 'built|installed') || return 0
	echo "$built"
	return 1
}

# Adds a copy of repository $1 to apt's sources, after the line $2 has changed it.
spoiled() {
	rm -rf /srv/spoiled
	cp -a -T "/srv/$1" /srv/spoiled
	(cd /srv/spoiled && eval "$2")
	sed "s,file:/srv/$1\$,file:/srv/spoiled," "/srv/offers/$1.sources" \
		>/etc/apt/sources.list.d/spoiled.sources
}
