// SPDX-License-Identifier: GPL-2.0-only

//! Kernels are installed and removed.

use super::case::{Case, Start, Which, case, says, step};

/// All cases.
pub const CASES: &[Case] = &[
    case(
        "kernel-upgrade",
        "`apt upgrade` installs the newer kernel, and dkms's hooks build the driver for it; both \
         kernels boot; removing the older kernel also removes its module, build tree and cache",
        Start::Installed,
        &[
            step("offer new && warm $NEW"),
            step("upgrade"),
            step("configured && has $NEW $V && has $OLD $V"),
            says("dkms status procdriver", &["7[^ ]*, x86_64: installed"])
                .boots(&[Which::New, Which::Old]),
            step("test -d /var/cache/dkms-rust/$OLD"),
            step(
                "apt-get -q -y purge linux-image-$OLD linux-headers-$OLD && \
                 apt-get -q -y autoremove",
            ),
            step("configured && has $NEW $V && gone $OLD").boots(&[Which::New]),
        ],
    )
    .in_test(),
    case(
        "image-alone-upgraded",
        "the newer kernel is installed without headers and linux-source: apt succeeds, and \
         `dkms-rust status` prints the one command that installs them, after which the driver is \
         built",
        Start::Installed,
        &[
            // These packages would bring its headers and linux-source.
            step("apt-get -q -y remove linux-image-amd64 linux-headers-amd64 linux-source"),
            step("offer new && warm $NEW"),
            step("install linux-image-$NEW"),
            step("configured && lacks $NEW && has $OLD $V"),
            step("obey $NEW"),
            step("configured && has $NEW $V").boots(&[Which::New]),
        ],
    ),
    case(
        "kernel-has-a-newer-one",
        "the newer kernel has a module of the driver's name with a higher version, which dkms's hook \
         does not replace: apt succeeds and installs the package's; the kernel's own comes back when \
         the package is removed",
        Start::Installed,
        &[
            step("offer new && warm $NEW && kernels_own $NEW 99"),
            says(
                "upgrade",
                &[
                    "Autoinstall on 7[^ ]* was skipped",
                    "procdriver: built for 7",
                ],
            ),
            step("configured && has $NEW $V"),
            step("apt-get -q -y remove procdriver-dkms && configured && has $NEW 99"),
        ],
    ),
];
