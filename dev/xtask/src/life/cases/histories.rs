// SPDX-License-Identifier: GPL-2.0-only

//! Things that change over time: the source in the archive, our packages, rustc, the Debian
//! release, the headers of a kernel, and other modules beside the driver.

use super::case::{Case, Part, Start, Step, Which, case, says, step};

/// All cases.
pub const CASES: &[Case] = &[
    case(
        "history-source-moved-on",
        "two kernels of a series and linux-source of the newer: the older one's is fetched by the \
         command that is printed; then linux-source goes and the packages are upgraded, and no \
         tree is made again",
        Start::Bare,
        &[Part {
            steps: &[
                step("offer before old && install linux-image-$BEFORE linux-headers-$BEFORE"),
                step("install linux-image-$OLD linux-headers-$OLD linux-source-$OLD_SERIES"),
                says(
                    "offer procdriver && warm $OLD && install procdriver-dkms",
                    &[
                        "not built for 6",
                        "linux-source-6[^ ]* is version [^ ]*, but its headers are",
                        "mend: dkms-rust source -k [^ ]* --fetch",
                    ],
                ),
                step("configured && has $OLD $V && lacks $BEFORE"),
                says(
                    "obey $BEFORE cold",
                    &["kept the slice of the source", "built for 6"],
                ),
                step("configured && has $BEFORE $V"),
                step("apt-get -q -y purge linux-source-$OLD_SERIES && offer next"),
                step("without_a_rebuild upgrade"),
                step("configured && is_at $NEXT && has $OLD $NEXT && has $BEFORE $NEXT"),
            ],
            boots: &[Which::Old, Which::Before],
        }],
    ),
    Case {
        in_test: true,
        ..case(
            "history-new-recipe",
            "linux-source is gone: an upgrade of the packages keeps the tree where its recipe is \
             the same, and where it is another makes the tree again from what is kept of the source",
            Start::Installed,
            &[Part {
                steps: &[
                    step("apt-get -q -y purge linux-source linux-source-$OLD_SERIES"),
                    step("offer next && without_a_rebuild upgrade"),
                    step("configured && is_at $NEXT && has $OLD $NEXT"),
                    step("of_another_recipe $OLD"),
                    says("build_again", &["built for"]),
                    step("configured && has $OLD $NEXT && ! is_of_another_recipe $OLD"),
                ],
                boots: &[Which::Old],
            }],
        )
    },
    case(
        "history-newer-rustc",
        "apt brings a newer rustc to kernels with and without Rust, and each keeps its module; the \
         next version of the packages, and a kernel that comes then, are built with it",
        Start::Installed,
        &[Part {
            steps: &[
                step("offer new && warm $NEW && upgrade && has $NEW $V && has $OLD $V"),
                step("offer rustc && upgrade && configured && has $NEW $V && has $OLD $V"),
                step("dkms-rust status"),
                says("offer next && upgrade", &["rebuilding"]),
                step("configured && has $NEW $NEXT && has $OLD $NEXT"),
                says("how_built $NEW", &["linked by rustc 1.9"]),
                says(
                    "offer before && install linux-image-$BEFORE linux-headers-$BEFORE",
                    &["mend: dkms-rust source -k [^ ]* --fetch"],
                ),
                step("configured && obey $BEFORE cold && has $BEFORE $NEXT"),
            ],
            boots: &[Which::New, Which::Old, Which::Before],
        }],
    ),
    case(
        "history-release-upgrade",
        "the next release of Debian: rustc, bindgen and linux-source are its own, and the old \
         kernel that stays has its module built again by them",
        Start::Installed,
        &[Part {
            steps: &[
                step("offer forky && apt-get -q -y full-upgrade"),
                step("configured && has $OLD $V && dkms-rust status"),
                step("apt-get -q -y --purge autoremove && configured && has $OLD $V"),
                // As if this was the first build.
                step("dkms remove procdriver/$V -k $OLD && dkms-rust clean -k $OLD"),
                step("build_again && configured && has $OLD $V"),
                says("how_built $OLD", &["linked by rustc 1.9"]),
            ],
            boots: &[Which::Old],
        }],
    ),
    Case {
        in_test: true,
        ..case(
            "history-headers-rebuilt",
            "the headers of a kernel change under its name, with a field less in a structure that \
             the driver reads: status says so, the driver is built again by itself, and works",
            Start::Old,
            &[Part {
                steps: &[
                    step("offer procdriver && field_added && install procdriver-dkms"),
                    step("configured && has $OLD $V && sees_field $OLD"),
                    step("field_removed"),
                    Step {
                        exit: 1,
                        ..says("dkms-rust status", &["built against other headers"])
                    },
                    says(
                        "offer old && apt-get -q -y reinstall linux-headers-$OLD",
                        &["rebuilding", "built for"],
                    ),
                    step("configured && has $OLD $V && ! sees_field $OLD"),
                    step("dkms-rust status"),
                ],
                boots: &[Which::Old],
            }],
        )
    },
    case(
        "history-other-modules",
        "two more Rust modules by dkms: one is built with the driver's tree for each kernel that \
         comes, the other has a typo, is said to have failed, and stops nothing",
        Start::Installed,
        &[Part {
            steps: &[
                step("add_module second 'pr_info!(\"second: hello\\n\");'"),
                step("without_a_rebuild dkms install second/1 -k $OLD"),
                step("add_module typo 'pr_inof!(\"typo\\n\");'"),
                Step {
                    exit: 10,
                    ..says("dkms install typo/1 -k $OLD", &[])
                },
                step("log_of typo | grep 'cannot find macro .pr_inof'"),
                step("echo second >/etc/modules-load.d/second.conf"),
                step("offer new && warm $NEW && upgrade && configured"),
                step("has $NEW $V && modinfo -k $NEW second && ! modinfo -k $NEW typo"),
            ],
            boots: &[Which::New, Which::Old],
        }],
    ),
];
