// SPDX-License-Identifier: GPL-2.0-only

//! The packages are upgraded, downgraded, reinstalled, removed and purged. Cases that need the
//! module loaded meanwhile are in `life/upgrades.sh`.

use super::case::{Case, Start, Which, case, says, step};

/// All cases.
pub const CASES: &[Case] = &[
    case(
        "upgrade-reinstall-downgrade",
        "upgrade to the next version, reinstall it, and downgrade to the first: each of them \
         builds the driver, and no other version is left",
        Start::Installed,
        &[
            step("offer next && upgrade"),
            step("configured && is_at $NEXT && has $OLD $NEXT && only $NEXT"),
            says("reinstall", &["building for", "built for"]),
            step("configured && is_at $NEXT && has $OLD $NEXT && only $NEXT"),
            step(DOWNGRADE),
            step("configured && is_at $V && has $OLD $V && only $V").boots(&[Which::Old]),
        ],
    ),
    case(
        "upgrade-to-a-version-that-does-not-compile",
        "apt succeeds and says why the driver was not built; the old module stays, and is loaded \
         at boot; a kernel that is installed then gets no module; a downgrade builds the driver \
         for it",
        Start::Installed,
        &[
            step("offer worse"),
            says(
                "upgrade",
                &[
                    "not built for 6",
                    "broken on purpose",
                    "after fixing this, type: dpkg-reconfigure procdriver-dkms",
                ],
            ),
            step("configured && is_at $WORSE && has $OLD $V"),
            step("offer new && warm $NEW"),
            says("upgrade", &["broken on purpose"]),
            step("configured && lacks $NEW && has $OLD $V").boots(&[Which::Old]),
            step(DOWNGRADE),
            step("configured && is_at $V && has $OLD $V && has $NEW $V && only $V")
                .boots(&[Which::New]),
        ],
    ),
    case(
        "purge-after-a-long-life",
        "install, upgrade, upgrade to a version that does not compile, remove, install, purge: \
         afterwards the file system is as it was before (names, modes, owners and sizes are \
         compared)",
        Start::Old,
        &[
            step("note && offer procdriver && warm $OLD && install procdriver-dkms"),
            step("offer next && upgrade && offer worse && upgrade"),
            step("apt-get -q -y remove procdriver-dkms dkms-rust dkms-rust-common"),
            step("configured && lacks $OLD"),
            step("install procdriver-dkms=$V dkms-rust=$V dkms-rust-common=$V && has $OLD $V"),
            step("apt-get -q -y purge procdriver-dkms dkms-rust dkms-rust-common"),
            step("configured && as_noted").boots(&[Which::Old]),
        ],
    ),
    case(
        "conffile-is-the-administrators",
        "an edited /etc/kernel/postrm.d/dkms-rust survives upgrade and removal, a deleted one is \
         not restored, and purge removes it",
        Start::Installed,
        &[
            step("echo '# mine' >>/etc/kernel/postrm.d/dkms-rust"),
            step("offer next && upgrade && grep mine /etc/kernel/postrm.d/dkms-rust"),
            step("apt-get -q -y remove procdriver-dkms dkms-rust"),
            step("grep mine /etc/kernel/postrm.d/dkms-rust"),
            step("sh /etc/kernel/postrm.d/dkms-rust $OLD"),
            step("rm /etc/kernel/postrm.d/dkms-rust && install procdriver-dkms"),
            step("test ! -e /etc/kernel/postrm.d/dkms-rust && has $OLD $NEXT"),
            step("apt-get -q -y purge procdriver-dkms dkms-rust dkms-rust-common"),
            step("test ! -e /etc/kernel/postrm.d/dkms-rust && configured").boots(&[Which::Old]),
        ],
    ),
    case(
        "postinst-killed",
        "postinst is killed in the middle of the build: `dpkg --configure -a` completes the \
         installation",
        Start::Old,
        &[
            step("offer procdriver && warm $OLD"),
            step("kill_postinst"),
            says("install procdriver-dkms", &["killed by signal"]).exits(100),
            step("mv /root/make /usr/bin/make && dpkg --configure -a"),
            step("configured && has $OLD $V").boots(&[Which::Old]),
        ],
    ),
];

const DOWNGRADE: &str =
    "apt-get -q -y --allow-downgrades install procdriver-dkms=$V dkms-rust=$V dkms-rust-common=$V";
