// SPDX-License-Identifier: GPL-2.0-only

//! What `apt install procdriver-dkms` installs on a system with a kernel but no tools to build for
//! it.

use super::case::{Case, Part, Start, Step, Which, case, says, step};

/// All cases.
pub const CASES: &[Case] = &[
    Case {
        name: "stock-stable-kernel",
        about: "only linux-image-amd64 of the stable suite is installed: headers and linux-source \
                come along as recommended, one command is all",
        start: Start::Bare,
        fault: None,
        parts: &[Part {
            steps: &[
                step("stock_base && offer old && install linux-image-amd64"),
                step("offer procdriver && warm $OLD && install_stock procdriver-dkms"),
                step("configured && has $OLD $V"),
            ],
            boots: &[Which::Old],
        }],
        in_test: false,
    },
    Case {
        name: "stock-backports-kernel",
        about: "only the kernel of the backports is installed, where apt cannot know which headers \
                and source fit: the one command that brings them is printed, and does",
        start: Start::Bare,
        fault: None,
        parts: &[Part {
            steps: &[
                step("offer old new procdriver && install linux-image-$NEW"),
                says(
                    "install_stock procdriver-dkms",
                    &[
                        "not built for 7",
                        "mend: apt install linux-headers-7[^ ]* linux-source-7",
                    ],
                ),
                step("configured && lacks $NEW && only_kernel $NEW"),
                step("obey $NEW && configured && has $NEW $V"),
            ],
            boots: &[Which::New],
        }],
        in_test: false,
    },
    flavour(
        "stock-cloud-kernel",
        "only the kernel for clouds is installed (here an empty package of its name): no other kernel \
         comes along",
        &[Part {
            steps: &[
                step("stock_base && dummy linux-image-cloud-amd64"),
                OTHERS,
                NONE,
            ],
            boots: &[],
        }],
    ),
    flavour(
        "stock-rt-kernel",
        "the same with the real-time kernel",
        &[Part {
            steps: &[
                step("stock_base && dummy linux-image-rt-amd64"),
                OTHERS,
                NONE,
            ],
            boots: &[],
        }],
    ),
];

const OTHERS: Step = step("offer old procdriver && install_stock procdriver-dkms");
const NONE: Step = step("configured && only_kernel");

const fn flavour(name: &'static str, about: &'static str, parts: &'static [Part]) -> Case {
    case(name, about, Start::Bare, parts)
}
