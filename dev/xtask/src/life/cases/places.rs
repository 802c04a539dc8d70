// SPDX-License-Identifier: GPL-2.0-only

//! Chroots, containers and systems with unusual settings: the driver is built if it should be,
//! there is no error, and no attempt to load it if the kernel is not this system's own.

use super::case::{Case, Part, Start, Step, Which, case, says, step};

const fn place(name: &'static str, about: &'static str, parts: &'static [Part]) -> Case {
    case(name, about, Start::Old, parts)
}

const NOT_LOADED: &[&str] = &["built for 6", "not loaded: this is a chroot or a container"];
/// Pretends that $OLD is the running kernel: there is no module for the real one.
const PRETEND: Step = step("offer procdriver && warm $OLD && pretend $OLD");
const BUILT: Step = step("configured && nothing_loaded && has $OLD $V");

/// All cases.
pub const CASES: &[Case] = &[
    place(
        "place-chroot",
        "an image builder's chroot: built, no attempt to load; the image then boots",
        &[Part {
            steps: &[PRETEND, says("install procdriver-dkms", NOT_LOADED), BUILT],
            boots: &[Which::Old],
        }],
    ),
    place(
        "place-container",
        "a container with process numbers of its own: built, no attempt to load or unload",
        &[
            Part {
                steps: &[
                    PRETEND,
                    says("contained 'install procdriver-dkms'", NOT_LOADED),
                    BUILT,
                ],
                boots: &[Which::Old],
            },
            Part {
                steps: &[
                    step("contained 'apt-get -q -y remove procdriver-dkms'"),
                    step("configured && nothing_loaded && lacks $OLD"),
                ],
                boots: &[Which::Old],
            },
        ],
    ),
    place(
        "place-container-without-systemd",
        "the same where systemd-detect-virt is not installed, as in most images for containers",
        &[Part {
            steps: &[
                PRETEND,
                step("rm /usr/bin/systemd-detect-virt"),
                says("contained 'install procdriver-dkms'", NOT_LOADED),
                BUILT,
            ],
            boots: &[Which::Old],
        }],
    ),
    place(
        "place-no-autoinstall",
        "/etc/dkms/no-autoinstall: nothing is built, neither by the package nor for a new kernel, \
         until the command is typed that is printed",
        &[Part {
            steps: &[
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
                step("dkms install procdriver/$V -k $OLD && has $OLD $V"),
            ],
            boots: &[Which::Old],
        }],
    ),
    place(
        "place-autoinstall-off",
        "AUTOINSTALL=no in /etc/dkms/procdriver.conf: the same",
        &[Part {
            steps: &[
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
                step("dkms install procdriver/$V -k $OLD && has $OLD $V"),
            ],
            boots: &[Which::Old],
        }],
    ),
    Case {
        start: Start::Bare,
        ..place(
            "place-no-kernel",
            "no kernel at all, as in a build environment: nothing is built and nothing fails",
            &[Part {
                steps: &[
                    step("offer procdriver"),
                    says("install procdriver-dkms", &["no kernel is installed here"]),
                    step("configured"),
                    step(
                        "apt-get -q -y purge procdriver-dkms dkms-rust dkms-rust-common && configured",
                    ),
                ],
                boots: &[],
            }],
        )
    },
];
