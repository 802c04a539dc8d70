// SPDX-License-Identifier: GPL-2.0-only

//! Kernel, headers and linux-source may come in any order: in the end the module is there, and
//! until then `dkms-rust status` prints the command that brings what is missing.

use super::case::{Case, Start, Step, Which, case, says, step};

/// The last step of every case.
const THERE: Step = step("configured && has $OLD $V && dkms-rust status");

const fn order(name: &'static str, about: &'static str, steps: &'static [Step]) -> Case {
    case(name, about, Start::Bare, steps)
}

/// All cases.
pub const CASES: &[Case] = &[
    order(
        "order-headers-image-source",
        "headers, then the image, each in its own apt run, and no linux-source: the command that \
         `dkms-rust status` prints fetches the slice, and `dpkg-reconfigure` then builds the \
         driver",
        &[
            step("offer procdriver old && install procdriver-dkms"),
            step("install linux-headers-$OLD && configured"),
            step("install linux-image-$OLD && configured && lacks $OLD"),
            says(
                "dkms-rust status",
                &["linux-source-[0-9.]+ is not installed"],
            )
            .exits(1),
            step("obey $OLD cold && build_again"),
            THERE.boots(&[Which::Old]),
        ],
    ),
    order(
        "order-image-headers-source",
        "image, headers and linux-source, each in its own apt run: the driver is built in the \
         last one",
        &[
            step("offer procdriver old && install procdriver-dkms"),
            step("install linux-image-$OLD && configured && lacks $OLD"),
            says("dkms-rust status", &["its headers are not installed"]).exits(1),
            step("install linux-headers-$OLD && configured && lacks $OLD"),
            step("warm $OLD && install linux-source-$OLD_SERIES"),
            THERE.boots(&[Which::Old]),
        ],
    ),
    order(
        "order-source-image-headers",
        "linux-source, image and headers, each in its own apt run: the driver is built in the \
         last one",
        &[
            step("offer procdriver old && install procdriver-dkms"),
            step("warm $OLD && install linux-source-$OLD_SERIES && configured"),
            step("install linux-image-$OLD && configured && lacks $OLD"),
            says("dkms-rust status", &["its headers are not installed"]).exits(1),
            step("install linux-headers-$OLD"),
            THERE.boots(&[Which::Old]),
        ],
    ),
    order(
        "order-all-in-one-run",
        "the packages, the image, the headers and linux-source in a single apt run",
        &[
            step("offer procdriver old && warm $OLD"),
            step(
                "install procdriver-dkms linux-source-$OLD_SERIES linux-headers-$OLD \
                 linux-image-$OLD",
            ),
            THERE.boots(&[Which::Old]),
        ],
    ),
    order(
        "order-packages-last",
        "image, headers and linux-source first, the packages last",
        &[
            step("offer procdriver old && warm $OLD"),
            step("install linux-image-$OLD linux-headers-$OLD linux-source-$OLD_SERIES"),
            step("install procdriver-dkms"),
            THERE.boots(&[Which::Old]),
        ],
    ),
];
