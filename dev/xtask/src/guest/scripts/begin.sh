#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What each script that a booted Debian runs begins with. Each case ends with a line that xtask
# reads.
export LC_ALL=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive
passed=0
failed=0
# shellcheck disable=SC2034 # not every script looks at it
entry=/proc/1999_proc/mydrive

# try NAME COMMAND: shows and runs a command line, and says how it went.
try() {
	echo "guest: case $1" > /dev/kmsg
	echo
	echo "# $2"
	if sh -c "$2"; then
		echo "CASE $1 ok"
		passed=$((passed + 1))
	else
		echo "CASE $1 fail exit status $?"
		failed=$((failed + 1))
	fi
}

end() {
	echo
	echo "GUEST end passed=$passed failed=$failed skipped=0"
}

# systemd asks the terminal who it is, and ends no line with that.
echo
echo "GUEST begin kernel=$(uname -r)"

