// SPDX-License-Identifier: GPL-2.0-only

//! Chroots, containers and systems with unusual settings: the driver is built if it should be,
//! there is no error, and no attempt to load it if the kernel is not this system's own.

use super::case::{Case, Start, Step, Which, case, says, step};

const fn place(name: &'static str, about: &'static str, steps: &'static [Step]) -> Case {
    case(name, about, Start::Old, steps)
}

const NOT_LOADED: &[&str] = &["built for 6", "not loaded: this is a chroot or a container"];
/// Pretends that $OLD is the running kernel: there is no module for the real one.
const PRETEND: Step = step("offer procdriver && warm $OLD && pretend $OLD");
const BUILT: Step = step("configured && nothing_loaded && has $OLD $V");

/// All cases.
pub const CASES: &[Case] = &[
    place(
        "place-chroot",
        "in an image builder's chroot the driver is built, but not loaded; the image then boots",
        &[
            PRETEND,
            says("install procdriver-dkms", NOT_LOADED),
            BUILT.boots(&[Which::Old]),
        ],
    ),
    place(
        "place-container",
        "in a container with its own PID namespace the driver is built, with no attempt to load \
         or unload it",
        &[
            PRETEND,
            says("contained 'install procdriver-dkms'", NOT_LOADED),
            BUILT.boots(&[Which::Old]),
            step("contained 'apt-get -q -y remove procdriver-dkms'"),
            step("configured && nothing_loaded && lacks $OLD").boots(&[Which::Old]),
        ],
    ),
    place(
        "place-container-without-systemd",
        "the same if systemd-detect-virt is not installed, as in most container images",
        &[
            PRETEND,
            step("rm /usr/bin/systemd-detect-virt"),
            says("contained 'install procdriver-dkms'", NOT_LOADED),
            BUILT.boots(&[Which::Old]),
        ],
    ),
    place(
        "place-no-autoinstall",
        "with /etc/dkms/no-autoinstall nothing is built, neither when the package is installed \
         nor for a new kernel; the command that is printed builds the driver",
        &[
            step("mkdir -p /etc/dkms && touch /etc/dkms/no-autoinstall"),
            step("offer procdriver new && warm $OLD $NEW"),
            says(
                "install procdriver-dkms",
                &[
                    "/etc/dkms/no-autoinstall turns automatic builds off; by hand: dkms \
                     install procdriver/",
                ],
            ),
            step("configured && lacks $OLD"),
            step("upgrade && configured && lacks $NEW"),
            step("dkms install procdriver/$V -k $OLD && has $OLD $V").boots(&[Which::Old]),
        ],
    ),
    place(
        "place-autoinstall-off",
        "the same with AUTOINSTALL=no in /etc/dkms/procdriver.conf",
        &[
            step("mkdir -p /etc/dkms && echo AUTOINSTALL=no >/etc/dkms/procdriver.conf"),
            step("offer procdriver new && warm $OLD $NEW"),
            says(
                "install procdriver-dkms",
                &[
                    "/etc/dkms/procdriver.conf turns automatic builds off; by hand: dkms \
                     install procdriver/",
                ],
            ),
            step("configured && lacks $OLD"),
            step("upgrade && configured && lacks $NEW"),
            step("dkms install procdriver/$V -k $OLD && has $OLD $V").boots(&[Which::Old]),
        ],
    ),
    place(
        "place-no-kernel",
        "without any kernel, as in a build environment, nothing is built and nothing fails",
        &[
            step("offer procdriver"),
            says("install procdriver-dkms", &["no kernel is installed here"]),
            step("configured"),
            step("apt-get -q -y purge procdriver-dkms dkms-rust dkms-rust-common && configured"),
        ],
    )
    .from(Start::Bare),
];
