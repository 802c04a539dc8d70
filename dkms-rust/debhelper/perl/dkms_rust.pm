# SPDX-License-Identifier: GPL-2.0-only
# debhelper sequence for DKMS packages of Rust modules, see dh_dkms_rust(1)
use warnings;
use strict;
use Debian::Debhelper::Dh_Lib;

insert_before('dh_installinit', 'dh_dkms_rust');

1;
