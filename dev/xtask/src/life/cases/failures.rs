// SPDX-License-Identifier: GPL-2.0-only

//! A failed build never stops apt: installation, upgrade, and the upgrade of a kernel succeed with
//! a message. The existing module stays. Once the fault is mended, the new module comes.

use super::case::{Case, Fault, Start, Step, Which, case, step};

/// Each of the three operations meets the fault and reports it.
const STEPS: &[Step] = &[
    step("offer procdriver old && warm $OLD"),
    step("broken"),
    step("install procdriver-dkms").says_why(),
    step("configured && lacks $OLD"),
    step("mended $OLD"),
    step("configured && has $OLD $V"),
    step("broken && offer next"),
    // The upgrade of the package.
    step("upgrade").says_why(),
    step("configured && has $OLD $V && is_at $NEXT"),
    step("offer new"),
    // The upgrade of the kernel.
    step("upgrade").says_why(),
    step("configured && lacks $NEW && has $OLD $V"),
    step("mended $OLD $NEW"),
    step("configured && has $OLD $NEXT && has $NEW $NEXT").boots(&[Which::New]),
];

const fn failing(name: &'static str, about: &'static str, fault: &'static Fault) -> Case {
    Case {
        fault: Some(fault),
        ..case(name, about, Start::Old, STEPS)
    }
}

/// All cases.
pub const CASES: &[Case] = &[
    failing(
        "fails-no-linux-source",
        "linux-source is not installed; mended by `dkms-rust source --fetch`",
        &Fault {
            breaks: "rm -rf /var/cache/dkms-rust /var/lib/dkms-rust && \
                     apt-get -q -y remove 'linux-source*'",
            mends: "for kernel in $@; do obey $kernel; done && build_again",
            says: &[
                "linux-source-[0-9.]+ is not installed",
                "mend: dkms-rust source -k .* --fetch",
            ],
        },
    )
    .in_test(),
    failing(
        "fails-wrong-rustc",
        "the installed rustc is too old; mended by `dpkg-reconfigure procdriver-dkms`",
        &Fault {
            breaks: "mkdir /root/aside && mv /usr/bin/rustc* /root/aside && \
                     printf '#!/bin/sh\\necho \"rustc 1.70.0 (0 2023-01-01)\"\\n' \
                     >/usr/bin/rustc && chmod 755 /usr/bin/rustc",
            mends: "mv /root/aside/* /usr/bin && rmdir /root/aside && warm $@ && build_again",
            says: &["rustc 1\\.70\\.0", "mend: .*install rustc"],
        },
    ),
    failing(
        "fails-no-space-for-metadata",
        "/var/cache has too little space for a rebuild; mended by `dpkg-reconfigure \
         procdriver-dkms`",
        &Fault {
            breaks: "rm -rf /var/cache/dkms-rust && mkdir /var/cache/dkms-rust && \
                     mount -t tmpfs -o size=20m full /var/cache/dkms-rust",
            mends: "umount /var/cache/dkms-rust && warm $@ && build_again",
            says: &[
                "needs [0-9]+ MB in /var/cache/dkms-rust, but only",
                "mend: make room",
            ],
        },
    ),
    failing(
        "fails-no-space-for-dkms",
        "/var/lib/dkms has too little space for a build; mended by `dpkg-reconfigure \
         procdriver-dkms`",
        &Fault {
            // Enough space for dkms's records, but not for compiling.
            breaks: "warm $OLD $NEW && cp -a /var/lib/dkms /root/dkms && \
                     mount -t tmpfs -o size=600k full /var/lib/dkms && \
                     cp -a /root/dkms/. /var/lib/dkms",
            mends: "cp -a /var/lib/dkms/. /root/dkms && umount_soon /var/lib/dkms && \
                    cp -a /root/dkms/. /var/lib/dkms && rm -r /root/dkms && warm $@ && build_again",
            says: &["No space left on device"],
        },
    ),
    failing(
        "fails-module-does-not-compile",
        "the linker fails, so the driver is not built; mended by `dpkg-reconfigure \
         procdriver-dkms`",
        &Fault {
            // Break the linker instead of the source: each version brings its own source.
            breaks: "warm $OLD $NEW && mkdir /root/aside && \
                     mv /usr/bin/x86_64-linux-gnu-ld /root/aside && \
                     printf '#!/bin/sh\\necho \"ld: out of order\" >&2; exit 1\\n' \
                     >/usr/bin/x86_64-linux-gnu-ld && chmod 755 /usr/bin/x86_64-linux-gnu-ld",
            mends: "mv /root/aside/* /usr/bin && rmdir /root/aside && warm $@ && build_again",
            // The second is for a rebuild that fails before the module is linked.
            says: &["ld: out of order|linking with `gcc` failed"],
        },
    ),
    failing(
        "fails-bindgen-crashes",
        "libclang, with which bindgen reads C, is damaged, so bindgen crashes; mended by \
         `dpkg-reconfigure procdriver-dkms`",
        &Fault {
            breaks: "rm -rf /var/cache/dkms-rust && mkdir /root/aside && \
                     for f in $(find /usr/lib -name 'libclang[-.1]*so*' -type f); do \
                     cp -a --parents $f /root/aside && : >$f || exit; done",
            mends: "cp -a /root/aside/. / && rm -r /root/aside && warm $@ && build_again",
            says: &["bindgen[-0-9]* can.t read C: it is damaged, or libclang"],
        },
    ),
    failing(
        "fails-build-killed",
        "the build is killed by a signal; mended by `dpkg-reconfigure procdriver-dkms`",
        &Fault {
            breaks: "warm $OLD $NEW && mkdir /root/aside && mv /usr/bin/make /root/aside && \
                     printf '#!/bin/sh\\nkill -KILL $PPID\\n' >/usr/bin/make && \
                     chmod 755 /usr/bin/make",
            mends: "mv /root/aside/* /usr/bin && rmdir /root/aside && warm $@ && build_again",
            // The second is for a rebuild, in which make is confined and may not kill.
            says: &["[Kk]illed|kill: Operation not permitted"],
        },
    ),
];
