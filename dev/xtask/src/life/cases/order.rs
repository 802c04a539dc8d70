// SPDX-License-Identifier: GPL-2.0-only

//! Kernel, headers and linux-source may come in any order: in the end the module is there, and
//! until then `dkms-rust status` prints the command that brings what is missing.

use super::case::{Case, Part, Start, Step, Which, case, says, step};

/// The last step of every case.
const THERE: Step = step("configured && has $OLD $V && dkms-rust status");

const fn order(name: &'static str, about: &'static str, parts: &'static [Part]) -> Case {
    case(name, about, Start::Bare, parts)
}

/// All cases.
pub const CASES: &[Case] = &[
    order(
        "order-headers-image-source",
        "headers and image in apt runs of their own and no linux-source; its slice comes by the \
         command that `dkms-rust status` has, and the module by `dpkg-reconfigure`",
        &[Part {
            steps: &[
                step("offer procdriver old && install procdriver-dkms"),
                step("install linux-headers-$OLD && configured"),
                step("install linux-image-$OLD && configured && lacks $OLD"),
                Step {
                    exit: 1,
                    ..says(
                        "dkms-rust status",
                        &["linux-source-[0-9.]+ is not installed"],
                    )
                },
                step("obey $OLD cold && build_again"),
                THERE,
            ],
            boots: &[Which::Old],
        }],
    ),
    order(
        "order-image-headers-source",
        "image, headers and linux-source in apt runs of their own; the module comes with the last",
        &[Part {
            steps: &[
                step("offer procdriver old && install procdriver-dkms"),
                step("install linux-image-$OLD && configured && lacks $OLD"),
                Step {
                    exit: 1,
                    ..says("dkms-rust status", &["its headers are not installed"])
                },
                step("install linux-headers-$OLD && configured && lacks $OLD"),
                step("warm $OLD && install linux-source-$OLD_SERIES"),
                THERE,
            ],
            boots: &[Which::Old],
        }],
    ),
    order(
        "order-source-image-headers",
        "linux-source first, then the image, then the headers",
        &[Part {
            steps: &[
                step("offer procdriver old && install procdriver-dkms"),
                step("warm $OLD && install linux-source-$OLD_SERIES && configured"),
                step("install linux-image-$OLD && configured && lacks $OLD"),
                Step {
                    exit: 1,
                    ..says("dkms-rust status", &["its headers are not installed"])
                },
                step("install linux-headers-$OLD"),
                THERE,
            ],
            boots: &[Which::Old],
        }],
    ),
    order(
        "order-all-in-one-run",
        "the packages, image, headers and linux-source in one apt run",
        &[Part {
            steps: &[
                step("offer procdriver old && warm $OLD"),
                step(
                    "install procdriver-dkms linux-source-$OLD_SERIES linux-headers-$OLD \
                     linux-image-$OLD",
                ),
                THERE,
            ],
            boots: &[Which::Old],
        }],
    ),
    order(
        "order-packages-last",
        "image, headers and linux-source first, the packages last",
        &[Part {
            steps: &[
                step("offer procdriver old && warm $OLD"),
                step("install linux-image-$OLD linux-headers-$OLD linux-source-$OLD_SERIES"),
                step("install procdriver-dkms"),
                THERE,
            ],
            boots: &[Which::Old],
        }],
    ),
];
