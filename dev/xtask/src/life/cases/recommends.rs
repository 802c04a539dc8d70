// SPDX-License-Identifier: GPL-2.0-only

//! What `apt install procdriver-dkms` installs on a system with a kernel but no tools to build for
//! it.

use super::case::{Case, Start, Step, Which, case, says, step};

/// All cases.
pub const CASES: &[Case] = &[
    case(
        "stock-stable-kernel",
        "only linux-image-amd64 of the stable suite is installed: headers and linux-source are \
         installed as recommended packages, so one command is enough",
        Start::Bare,
        &[
            step("stock_base && offer old && install linux-image-amd64"),
            step("offer procdriver && warm $OLD && install_stock procdriver-dkms"),
            step("configured && has $OLD $V").boots(&[Which::Old]),
        ],
    ),
    case(
        "stock-backports-kernel",
        "only the kernel from backports is installed, and apt cannot know which headers and \
         source fit: the one command that installs them is printed, and the driver is then built",
        Start::Bare,
        &[
            step("offer old new procdriver && install linux-image-$NEW"),
            says(
                "install_stock procdriver-dkms",
                &[
                    "not built for 7",
                    "mend: apt install linux-headers-7[^ ]* linux-source-7",
                ],
            ),
            step("configured && lacks $NEW && only_kernel $NEW"),
            step("obey $NEW && configured && has $NEW $V").boots(&[Which::New]),
        ],
    ),
    flavour(
        "stock-cloud-kernel",
        "only the cloud kernel is installed (here an empty package of its name): no other kernel \
         is installed along with the driver",
        &[
            step("stock_base && dummy linux-image-cloud-amd64"),
            OTHERS,
            NONE,
        ],
    ),
    flavour(
        "stock-rt-kernel",
        "the same with the real-time kernel",
        &[
            step("stock_base && dummy linux-image-rt-amd64"),
            OTHERS,
            NONE,
        ],
    ),
];

const OTHERS: Step = step("offer old procdriver && install_stock procdriver-dkms");
const NONE: Step = step("configured && only_kernel");

const fn flavour(name: &'static str, about: &'static str, steps: &'static [Step]) -> Case {
    case(name, about, Start::Bare, steps)
}
