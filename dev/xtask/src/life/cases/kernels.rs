// SPDX-License-Identifier: GPL-2.0-only

//! Kernels are installed and removed.

use super::case::{Case, Part, Start, Which, says, step};

/// All cases.
pub const CASES: &[Case] = &[
    Case {
        name: "kernel-upgrade",
        about: "`apt upgrade` brings the newer kernel and dkms's hooks build; the newer kernel \
                boots, then the older; the older is removed, with its module, build tree and \
                cache",
        start: Start::Installed,
        fault: None,
        parts: &[
            Part {
                steps: &[
                    step("offer new && warm $NEW"),
                    step("upgrade"),
                    step("configured && has $NEW $V && has $OLD $V"),
                    says("dkms status procdriver", &["7[^ ]*, x86_64: installed"]),
                ],
                boots: &[Which::New, Which::Old],
            },
            Part {
                steps: &[
                    step("test -d /var/cache/dkms-rust/$OLD"),
                    step(
                        "apt-get -q -y purge linux-image-$OLD linux-headers-$OLD && \
                         apt-get -q -y autoremove",
                    ),
                    step("configured && has $NEW $V && gone $OLD"),
                ],
                boots: &[Which::New],
            },
        ],
        in_test: true,
    },
    Case {
        name: "image-alone-upgraded",
        about: "the newer kernel comes without headers and linux-source: apt is not stopped, \
                `dkms-rust status` has the one command that brings them, and that brings the module",
        start: Start::Installed,
        fault: None,
        parts: &[Part {
            steps: &[
                // These packages would bring its headers and linux-source.
                step("apt-get -q -y remove linux-image-amd64 linux-headers-amd64 linux-source"),
                step("offer new && warm $NEW"),
                step("install linux-image-$NEW"),
                step("configured && lacks $NEW && has $OLD $V"),
                step("obey $NEW"),
                step("configured && has $NEW $V"),
            ],
            boots: &[Which::New],
        }],
        in_test: false,
    },
];
