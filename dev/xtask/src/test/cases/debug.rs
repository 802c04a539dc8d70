// SPDX-License-Identifier: GPL-2.0-only

//! What is run on each of our own debug kernels.

use crate::debian::own_kernel::{self, Variant};

/// A kernel, and what is run on it.
pub struct DebugKernel {
    /// The kernel.
    pub variant: Variant,
    /// What its command line has in each.
    pub words: &'static str,
    /// A boot each.
    pub runs: &'static [Run],
}

/// One boot.
pub struct Run {
    /// The step of `make test-all` that it belongs to.
    pub step: &'static str,
    /// The guest's suites, as its command line wants them.
    pub suites: &'static str,
    /// More words for the guest.
    pub words: &'static str,
    /// The cases that must make the kernel complain, and what it says. Where there are none, any
    /// complaint is a failure.
    pub provoked: &'static [(&'static str, &'static str)],
    /// When it counts as hanging.
    pub minutes: u64,
}

/// All of them.
pub const KERNELS: &[DebugKernel] = &[
    DebugKernel {
        variant: own_kernel::KASAN,
        // Without the first the first report is the last. The other, beside checks of its own,
        // rules out sheaves: what is left in them of addresses hides from kmemleak what was lost.
        words: "kasan_multi_shot slab_debug=F",
        runs: &[
            Run {
                step: "debug",
                suites: "detectors",
                words: "guest.patience=4 guest.only=detects-sleep-while-atomic,\
                        detects-shift-too-far,detects-free-of-a-set-timer,detects-lost-memory,\
                        detects-locks-in-both-orders,detects-use-after-free",
                provoked: &[
                    (
                        "detects-sleep-while-atomic",
                        "BUG: sleeping function called from invalid context",
                    ),
                    ("detects-shift-too-far", "UBSAN: shift-out-of-bounds"),
                    ("detects-free-of-a-set-timer", "ODEBUG: free active"),
                    (
                        "detects-locks-in-both-orders",
                        "possible circular locking dependency",
                    ),
                    ("detects-use-after-free", "KASAN: slab-use-after-free"),
                ],
                minutes: 15,
            },
            Run {
                step: "debug",
                suites: "behaviour,memory",
                words: "guest.patience=8 guest.random=120 guest.seconds=30",
                provoked: &[],
                minutes: 60,
            },
            Run {
                step: "faults",
                suites: "faults,memory",
                words: "guest.patience=8",
                provoked: &[],
                minutes: 60,
            },
        ],
    },
    DebugKernel {
        variant: own_kernel::KCSAN,
        words: "",
        runs: &[
            Run {
                step: "races",
                suites: "detectors",
                words: "guest.patience=4 guest.only=detects-data-race",
                provoked: &[("detects-data-race", "KCSAN: data-race in change")],
                minutes: 15,
            },
            Run {
                step: "races",
                suites: "behaviour",
                words: "guest.patience=8 guest.random=120 guest.seconds=30",
                provoked: &[],
                minutes: 60,
            },
        ],
    },
];
