# SPDX-License-Identifier: GPL-2.0-only
#
# Looks at a Debian in which systemd has loaded what modules-load.d names.

try modules-are-loaded "systemctl is-active systemd-modules-load"
try entry-says-hello "cat $entry && grep -qx Hello $entry"
try loaded-is-what-modprobe-finds "modinfo -F version procDriver | grep -Fxf /sys/module/procDriver/version"
end
# At once: systemd would take its time to stop what nobody needs any more.
echo o > /proc/sysrq-trigger
sleep 60
