// SPDX-License-Identifier: GPL-2.0-only

//! Things that change over time: the source in the archive, our packages, rustc, the Debian
//! release, the headers of a kernel, and other modules beside the driver.

use super::case::{Case, Start, Which, case, says, step};

/// All cases.
pub const CASES: &[Case] = &[
    case(
        "history-source-moved-on",
        "two kernels of one series, with linux-source only of the newer: the command that is \
         printed fetches the source of the older; after linux-source was removed, an upgrade of \
         the packages makes no build tree again",
        Start::Bare,
        &[
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
            step("configured && is_at $NEXT && has $OLD $NEXT && has $BEFORE $NEXT")
                .boots(&[Which::Old, Which::Before]),
        ],
    ),
    case(
        "history-new-recipe",
        "linux-source was removed: an upgrade of the packages keeps a build tree whose recipe \
         is still the same, and makes one of another recipe again from the slice that was \
         kept",
        Start::Installed,
        &[
            step("apt-get -q -y purge linux-source linux-source-$OLD_SERIES"),
            step("offer next && without_a_rebuild upgrade"),
            step("configured && is_at $NEXT && has $OLD $NEXT"),
            step("of_another_recipe $OLD"),
            says("build_again", &["built for"]),
            step("configured && has $OLD $NEXT && ! is_of_another_recipe $OLD")
                .boots(&[Which::Old]),
        ],
    )
    .in_test(),
    case(
        "history-newer-rustc",
        "apt upgrades rustc: kernels with and without Rust keep their modules; the next version \
         of the packages, and a kernel that is installed later, are built with the new rustc",
        Start::Installed,
        &[
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
            step("configured && obey $BEFORE cold && has $BEFORE $NEXT").boots(&[
                Which::New,
                Which::Old,
                Which::Before,
            ]),
        ],
    ),
    case(
        "history-release-upgrade",
        "an upgrade to the next Debian release brings its own rustc, bindgen and linux-source; \
         the old kernel stays installed, and its module can be built again with them",
        Start::Installed,
        &[
            step("offer forky && apt-get -q -y full-upgrade"),
            step("configured && has $OLD $V && dkms-rust status"),
            step("apt-get -q -y --purge autoremove && configured && has $OLD $V"),
            // As if this was the first build.
            step("dkms remove procdriver/$V -k $OLD && dkms-rust clean -k $OLD"),
            step("build_again && configured && has $OLD $V"),
            says("how_built $OLD", &["linked by rustc 1.9"]).boots(&[Which::Old]),
        ],
    ),
    case(
        "history-headers-rebuilt",
        "the headers of a kernel change while its release stays the same: a structure that \
         the driver reads loses a field; `dkms-rust status` reports this, the driver is built \
         again automatically, and works",
        Start::Old,
        &[
            step("offer procdriver && field_added && install procdriver-dkms"),
            step("configured && has $OLD $V && sees_field $OLD"),
            step("field_removed"),
            says("dkms-rust status", &["built against other headers"]).exits(1),
            says(
                "offer old && apt-get -q -y reinstall linux-headers-$OLD",
                &["rebuilding", "built for"],
            ),
            step("configured && has $OLD $V && ! sees_field $OLD"),
            step("dkms-rust status").boots(&[Which::Old]),
        ],
    )
    .in_test(),
    case(
        "history-other-modules",
        "two more Rust modules that are built by dkms: one uses the driver's build tree, and is \
         built for each new kernel; the other has a typo, is reported as failed, and does not \
         stop apt",
        Start::Installed,
        &[
            step("add_module second 'pr_info!(\"second: hello\\n\");'"),
            step("without_a_rebuild dkms install second/1 -k $OLD"),
            step("add_module typo 'pr_inof!(\"typo\\n\");'"),
            says("dkms install typo/1 -k $OLD", &[]).exits(10),
            step("log_of typo | grep 'cannot find macro .pr_inof'"),
            step("echo second >/etc/modules-load.d/second.conf"),
            step("offer new && warm $NEW && upgrade && configured"),
            step("has $NEW $V && modinfo -k $NEW second && ! modinfo -k $NEW typo")
                .boots(&[Which::New, Which::Old]),
        ],
    ),
];
