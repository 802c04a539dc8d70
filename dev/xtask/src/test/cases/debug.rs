// SPDX-License-Identifier: GPL-2.0-only

//! The runs on each of our own debug kernels.

use crate::debian::own_kernel::{self, Variant};

/// A kernel, and the runs on it.
pub struct DebugKernel {
    /// How to build the kernel.
    pub variant: Variant,
    /// Kernel parameters for all runs.
    pub words: &'static str,
    /// The runs. Each is a boot.
    pub runs: &'static [Run],
}

/// A boot.
pub struct Run {
    /// The step of `make test-all` that it belongs to.
    pub step: &'static str,
    /// The guest's suites, as on its command line.
    pub suites: &'static str,
    /// More parameters for the guest.
    pub words: &'static str,
    /// Cases that must make the kernel complain, with text of the complaints. In other cases, any
    /// complaint is a failure.
    pub provoked: &'static [(&'static str, &'static str)],
    /// After this time the guest is considered hanging.
    pub minutes: u64,
}

/// All kernels.
pub const KERNELS: &[DebugKernel] = &[
    DebugKernel {
        variant: own_kernel::KASAN,
        // Without `kasan_multi_shot`, KASAN stops after its first report. `slab_debug=F` adds
        // checks, and also disables sheaves: addresses that remain in them would hide lost memory
        // from kmemleak.
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
