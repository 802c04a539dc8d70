// SPDX-License-Identifier: GPL-2.0-only

//! Sources of a kernel: of another version, damaged, or made to do harm.

use super::case::{BadInput, case};

/// All cases.
pub const CASES: &[BadInput] = &[
    case("linux-source-not-installed")
        .prepare("dpkg --remove --force-depends $(dpkg-query -Wf '${Package} ' 'linux-source*')")
        .exits(77)
        .says(&[
            "linux-source-[0-9.]+ is not installed; it is needed",
            "mend: dkms-rust source -k .* --from .* in none of apt's sources",
        ]),
    case("linux-source-archive-missing")
        .prepare("rm /usr/src/linux-source-*.tar.xz")
        .exits(77)
        .says(&[
            "linux-source-.*tar.xz is missing",
            "mend: dkms-rust source -k ",
        ]),
    case("linux-source-of-another-revision")
        .prepare(
            "sed -i '/^Package: linux-source-/,/^$/s/^\\(Version: .*\\)$/\\1.1/' \
             /var/lib/dpkg/status",
        )
        .exits(77)
        .says(&[
            "linux-source-[0-9.]+ is version .*\\.1, but its headers are",
            "mend: dkms-rust source -k ",
        ]),
    case("linux-source-truncated")
        .prepare("truncate --size=1M /usr/src/linux-source-*.tar.xz")
        .exits(1)
        .says(&["linux-source-.*tar.xz"]),
    case("linux-source-is-not-xz")
        .prepare("for f in /usr/src/linux-source-*.tar.xz; do echo nonsense > $f; done")
        .exits(1)
        .says(&["linux-source-.*tar.xz"]),
    case("linux-source-gone-and-a-tool-upgraded")
        // A changed bindgen needs a new tree. Once the slice is kept, it can be made.
        .prepare(
            "cp -a $W $C && rm /usr/src/linux-source-*.tar.xz && \
             touch -d 2020-01-01 /usr/lib/dkms-rust/bindgen-0-71",
        )
        .command(
            "dkms-rust check -k $R; echo without $?; \
             mkdir -p /tmp/s/rust/kernel /tmp/s/scripts && \
             cp /usr/src/linux-headers-*-common/Makefile /tmp/s && \
             echo > /tmp/s/rust/kernel/lib.rs && \
             dkms-rust source -k $R --from /tmp/s && dkms-rust check -k $R",
        )
        .says(&[
            "tar.xz is missing",
            "without 77\n",
            "kept the slice of the source of",
            "class rust, rebuilt, .*, metadata to rebuild",
        ]),
    case("source-of-another-version")
        .prepare(
            "mkdir -p /tmp/s/rust/kernel && echo > /tmp/s/rust/kernel/lib.rs && \
             printf 'VERSION = 1\\nPATCHLEVEL = 2\\nSUBLEVEL = 3\\n' > /tmp/s/Makefile",
        )
        .command(
            "dkms-rust source -k $R --from /tmp/s; echo refused $?; \
             dkms-rust source -k $R --from /tmp/s --force && dkms-rust check -k $R",
        )
        .says(&[
            "is the source of 1.2.3, but the headers are those of linux [0-9]",
            "refused 1\n",
            "class rust, linked, ",
        ]),
    case("source-that-is-none")
        .prepare("mkdir /tmp/s && echo x > /tmp/s/x && echo y > /tmp/y.tar.xz")
        .command(
            "! dkms-rust source -k $R --from /tmp/s && \
             ! dkms-rust source -k $R --from /tmp/y.tar.xz \
             && ! dkms-rust source -k $R --from /tmp/none && ! dkms-rust source -k $R --fetch",
        )
        .says(&[
            "it has no rust/: it is not a kernel's source",
            "can't find /tmp/none",
            "apt can't download linux-source-",
        ]),
    case("source-that-does-harm")
        .prepare(concat!(
            include_str!("tampered.sh"),
            include_str!("listener.sh")
        ))
        // The program shows that the same code does harm if nothing prevents it.
        .command(
            "/tmp/harm; test -e /etc/harm && rm /etc/harm; chmod 640 /etc/shadow; \
             dkms-rust check -k $R --json; dkms-rust source -k $R --from /tmp/s && \
             dkms-rust kdir -k $R; echo kdir $?; stat -c 'mode %a' /etc/shadow; \
             test ! -e /etc/harm && echo no harm; kill $(cat /tmp/listener)",
        )
        .says(&[
            "^harm: wrote true, chmod true, connected true\n",
            "\"confined\":\"files and network\"",
            "harm: wrote false, chmod false, connected false",
            "kdir 1\nmode 640\nno harm\n",
        ]),
    case("source-that-plants-links")
        .prepare(concat!(
            include_str!("tampered.sh"),
            include_str!("planting.sh")
        ))
        .command(
            "dkms-rust source -k $R --from /tmp/s && dkms-rust kdir -k $R; echo kdir $?; \
             test ! -e /etc/planted && echo no harm; \
             grep -lsxz 297 /proc/[0-9]*/cmdline || echo none is left; \
             ls -d /var/cache/dkms-rust/$R/.new* || echo no tree is left",
        )
        .says(&[
            "during the rebuild, .*/rust/planted became a link to /etc/planted",
            "kdir 1\nno harm\nnone is left\n",
            "no tree is left",
        ])
        .may_make(),
    case("header-edited-in-place")
        .prepare("cp -a $W $C")
        .command(
            "dkms-rust check -k $R && echo '/* edited */' >> \
             $(echo /usr/src/linux-headers-*-common/include/linux/proc_fs.h | cut -d' ' -f1) && \
             dkms-rust check -k $R",
        )
        .says(&["metadata kept\\)\n(?s).*metadata to rebuild"]),
];
