# SPDX-License-Identifier: GPL-2.0-only
#
# Checks a Debian in which systemd has loaded the modules named in modules-load.d: the driver must
# be there if its package, or that of the prebuilt module for this kernel, is.

try modules-are-loaded "systemctl is-active systemd-modules-load"
if dpkg-query -Wf '${db:Status-Status}\n' procdriver-dkms "procdriver-modules-$(uname -r)" 2> /dev/null | grep -qx installed; then
	try entry-says-hello "cat $entry && grep -qx Hello $entry"
	try loaded-is-what-modprobe-finds "modinfo -F version procDriver | grep -Fxf /sys/module/procDriver/version"
else
	try entry-is-gone "test ! -e /proc/1999_proc && ! modinfo procDriver"
fi
end
# Power off directly: systemd would take its time to stop services that are no longer needed.
echo o > /proc/sysrq-trigger
sleep 60
