// SPDX-License-Identifier: GPL-2.0-only

//! Headers, compilers or other inputs of a build are missing, or belong to another kernel.

use super::case::{BadInput, case};

/// All cases.
pub const CASES: &[BadInput] = &[
    case("headers-missing")
        .prepare("rm /lib/modules/$R/build")
        .exits(77)
        .says(&[
            "its headers are not installed",
            "mend: install linux-headers-",
        ]),
    case("headers-of-another-kernel")
        .prepare(
            "cp -a $(readlink -f /lib/modules/$R/build) /srv/other && \
             echo 6.12.1 >/srv/other/include/config/kernel.release",
        )
        .command("dkms-rust kdir -k $R --headers /srv/other")
        .exits(77)
        .says(&["the headers in /srv/other are those of 6.12.1"]),
    case("no-such-kernel")
        .command("dkms-rust kdir -k 9.9.9-nosuch-amd64")
        .exits(77)
        .says(&["9.9.9-nosuch-amd64: no such kernel is installed"]),
    case("release-that-leads-out")
        .prepare("mkdir -p /tmp/x")
        .command("dkms-rust kdir -k ../../tmp/x")
        .exits(2)
        .says(&["is not a kernel release"]),
    case("release-is-empty")
        .command("dkms-rust kdir -k ''")
        .exits(2)
        .says(&["is not a kernel release"]),
    case("not-root")
        .command("setpriv --reuid=65534 --regid=65534 --clear-groups dkms-rust kdir -k $R")
        .exits(77)
        .says(&["mend: sudo dkms-rust kdir -k "]),
    case("rustc-too-old")
        .prepare(
            "rm -f /usr/bin/rustc*; \
             printf '#!/bin/sh\\necho \"rustc 1.70.0 (0 2023-01-01)\"\\n' \
             > /usr/bin/rustc; chmod 755 /usr/bin/rustc",
        )
        .exits(77)
        .says(&[
            "need rustc 1[.][0-9.]+ or newer; /usr/bin/rustc is \"rustc 1.70.0",
            "mend: ",
        ]),
    case("rustc-missing")
        .prepare("rm -f /usr/bin/rustc*")
        .exits(77)
        .says(&[
            "need rustc 1[.][0-9.]+ or newer; none is installed",
            "mend: ",
        ]),
    case("bindgen-missing")
        .prepare("rm /usr/bin/bindgen /usr/lib/dkms-rust/bindgen-*")
        .exits(77)
        .says(&[
            "bindgen is not installed; it is needed",
            "mend: install bindgen",
        ]),
    case("rust-src-missing")
        .prepare("dpkg --remove --force-depends rust-src")
        .exits(77)
        .says(&[
            "source of Rust's library for .* is missing",
            "mend: install the source of Rust's library",
        ]),
    case("gcc-missing")
        .prepare("rm -f /usr/bin/x86_64-linux-gnu-gcc-14 /usr/bin/gcc-14")
        .exits(77)
        .says(&[
            "it was built by .*gcc-14 .*, but gcc-14 for its machine is not installed",
            "mend: install gcc-14",
        ]),
    case("memory-too-small")
        .prepare(
            "sed 's/^\\(MemAvailable:\\|SwapFree:\\).*/\\1 256000 kB/' /proc/meminfo > \
             /tmp/meminfo && \
             mount --bind /tmp/meminfo /proc/meminfo",
        )
        .command("dkms-rust check -k $R")
        .exits(77)
        .says(&[
            "needs [0-9]+ MB of memory, but only 500 MB are available",
            "mend: fallocate .* swapon",
        ]),
];
