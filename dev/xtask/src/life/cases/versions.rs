// SPDX-License-Identifier: GPL-2.0-only

//! The packages are upgraded, downgraded, reinstalled, removed and purged. Cases that need the
//! module loaded meanwhile are in `life/upgrades.sh`.

use super::case::{Case, Part, Start, Step, Which, case, says, step};

/// All cases.
pub const CASES: &[Case] = &[
    case(
        "upgrade-reinstall-downgrade",
        "the next version, that once more, and the first again; each builds, one version is left",
        Start::Installed,
        &[Part {
            steps: &[
                step("offer next && upgrade"),
                step("configured && is_at $NEXT && has $OLD $NEXT && only $NEXT"),
                says("reinstall", &["building for", "built for"]),
                step("configured && is_at $NEXT && has $OLD $NEXT && only $NEXT"),
                step(DOWNGRADE),
                step("configured && is_at $V && has $OLD $V && only $V"),
            ],
            boots: &[Which::Old],
        }],
    ),
    case(
        "upgrade-to-a-version-that-does-not-compile",
        "apt ends well and says why; the old module stays, and boots; a kernel that comes then is \
         left out; the older version brings both",
        Start::Installed,
        &[
            Part {
                steps: &[
                    step("offer worse"),
                    says(
                        "upgrade",
                        &[
                            "not built for 6",
                            "broken on purpose",
                            "once mended: dpkg-reconfigure procdriver-dkms",
                        ],
                    ),
                    step("configured && is_at $WORSE && has $OLD $V"),
                    step("offer new && warm $NEW"),
                    says("upgrade", &["broken on purpose"]),
                    step("configured && lacks $NEW && has $OLD $V"),
                ],
                boots: &[Which::Old],
            },
            Part {
                steps: &[
                    step(DOWNGRADE),
                    step("configured && is_at $V && has $OLD $V && has $NEW $V && only $V"),
                ],
                boots: &[Which::New],
            },
        ],
    ),
    case(
        "purge-after-a-long-life",
        "install, upgrade, a version that does not compile, remove, install, purge: compared with \
         a listing of the file system from before (name, mode, owner, size)",
        Start::Old,
        &[Part {
            steps: &[
                step("note && offer procdriver && warm $OLD && install procdriver-dkms"),
                step("offer next && upgrade && offer worse && upgrade"),
                step("apt-get -q -y remove procdriver-dkms dkms-rust && configured && lacks $OLD"),
                step("install procdriver-dkms=$V dkms-rust=$V dkms-rust-common=$V && has $OLD $V"),
                step("apt-get -q -y purge procdriver-dkms dkms-rust dkms-rust-common"),
                step("configured && as_noted"),
            ],
            boots: &[Which::Old],
        }],
    ),
    case(
        "conffile-is-the-administrators",
        "an edited /etc/kernel/postrm.d/dkms-rust outlives upgrade and removal, a deleted one \
         stays deleted, purge takes it",
        Start::Installed,
        &[Part {
            steps: &[
                step("echo '# mine' >>/etc/kernel/postrm.d/dkms-rust"),
                step("offer next && upgrade && grep mine /etc/kernel/postrm.d/dkms-rust"),
                step("apt-get -q -y remove procdriver-dkms dkms-rust"),
                step("grep mine /etc/kernel/postrm.d/dkms-rust"),
                step("sh /etc/kernel/postrm.d/dkms-rust $OLD"),
                step("rm /etc/kernel/postrm.d/dkms-rust && install procdriver-dkms"),
                step("test ! -e /etc/kernel/postrm.d/dkms-rust && has $OLD $NEXT"),
                step("apt-get -q -y purge procdriver-dkms dkms-rust dkms-rust-common"),
                step("test ! -e /etc/kernel/postrm.d/dkms-rust && configured"),
            ],
            boots: &[Which::Old],
        }],
    ),
    case(
        "postinst-killed",
        "the installation itself is killed in the middle of the build; `dpkg --configure -a` is \
         all that it takes",
        Start::Old,
        &[Part {
            steps: &[
                step("offer procdriver && warm $OLD"),
                step("kill_postinst"),
                Step {
                    exit: 100,
                    ..says("install procdriver-dkms", &["killed by signal"])
                },
                step("mv /root/make /usr/bin/make && dpkg --configure -a"),
                step("configured && has $OLD $V"),
            ],
            boots: &[Which::Old],
        }],
    ),
];

const DOWNGRADE: &str =
    "apt-get -q -y --allow-downgrades install procdriver-dkms=$V dkms-rust=$V dkms-rust-common=$V";
