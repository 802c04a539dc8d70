#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The common start of all scripts that a booted Debian runs. Each case ends with a line that xtask
# reads.
export LC_ALL=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive
passed=0
failed=0
# shellcheck disable=SC2034 # not every script uses it
entry=/proc/1999_proc/mydrive

# try NAME COMMAND: prints and runs a command line, and prints the result.
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

# systemd queries the terminal before this, and leaves the line unfinished.
echo
echo "GUEST begin kernel=$(uname -r)"

