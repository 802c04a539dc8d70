# SPDX-License-Identifier: GPL-2.0-only
#
# Listens on the port to which the harmful code connects.

perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1:4321")
    or die; while (1) { close($s->accept()) }' >/dev/null 2>&1 &
echo $! > /tmp/listener
sleep 1
