// SPDX-License-Identifier: GPL-2.0-only

//! Hostile system settings, and interference by others: apt succeeds, and the module is there
//! whenever possible.

use super::case::{Case, Part, Start, Step, Which, case, says, step};

const fn robust(name: &'static str, about: &'static str, parts: &'static [Part]) -> Case {
    case(name, about, Start::Installed, parts)
}

const UPGRADED: Step = step("configured && has $OLD $V && has $NEW $V");

/// All cases.
pub const CASES: &[Case] = &[
    Case {
        in_test: true,
        ..robust(
            "robust-noexec",
            "/var/lib/dkms and /tmp are mounted noexec, and no file of the source is executable, when \
             a kernel comes: dkms's hook builds all the same",
            &[Part {
                steps: &[
                    step("offer new && warm $NEW && noexec /var/lib/dkms && noexec /tmp"),
                    step("find /usr/src/procdriver-$V -type f -exec chmod 644 {} +"),
                    step("upgrade"),
                    UPGRADED,
                    step("let_go /var/lib/dkms /tmp && has $NEW $V"),
                ],
                boots: &[Which::New],
            }],
        )
    },
    robust(
        "robust-noexec-cache",
        "/var/cache is mounted noexec when a kernel comes: it is left out, apt ends well and says why",
        &[Part {
            steps: &[
                step("offer new && warm $NEW && noexec /var/cache"),
                says(
                    "upgrade",
                    &[
                        "not built for 7",
                        "mounted noexec",
                        "mend: mount -o remount,exec",
                    ],
                ),
                step("configured && has $OLD $V && lacks $NEW"),
                step("let_go /var/cache && warm $NEW && build_again"),
                UPGRADED,
            ],
            boots: &[Which::New],
        }],
    ),
    Case {
        start: Start::Old,
        ..robust(
            "robust-trees-moved",
            "framework.conf moves dkms_tree and source_tree: status knows the module, a kernel's \
             upgrade builds, removal and purge leave nothing in either",
            &[Part {
                steps: &[
                    step("mkdir -p /etc/dkms/framework.conf.d /srv/dkms /srv/src"),
                    step(
                        "printf 'dkms_tree=\"/srv/dkms\"\\nsource_tree=/srv/src\\n' \
                         >/etc/dkms/framework.conf.d/moved.conf",
                    ),
                    step("offer procdriver && warm $OLD && install procdriver-dkms"),
                    step("configured && has $OLD $V && dkms-rust status"),
                    step("offer new && warm $NEW && upgrade"),
                    UPGRADED,
                    step("apt-get -q -y purge procdriver-dkms && configured"),
                    step("lacks $OLD && lacks $NEW && test ! -e /srv/dkms/procdriver"),
                    step("test -z \"$(ls /srv/src)$(dkms status)\""),
                ],
                boots: &[Which::New],
            }],
        )
    },
    robust(
        "robust-broken-record",
        "dkms's record of the driver lost its source, which dkms calls broken: the package's trigger \
         mends it when a kernel comes",
        &[Part {
            steps: &[
                step("rm /var/lib/dkms/procdriver/$V/source && dkms status 2>&1 | grep broken"),
                step("offer new && warm $NEW && upgrade"),
                UPGRADED,
            ],
            boots: &[Which::New],
        }],
    ),
    robust(
        "robust-dkms-remove-is-respected",
        "the administrator took the module from a kernel, or the driver from dkms: what arrives in \
         /usr/src does not bring it back, dpkg-reconfigure does",
        &[Part {
            steps: &[
                step("dkms uninstall procdriver/$V -k $OLD && lacks $OLD"),
                step("offer new && warm $NEW && upgrade"),
                step("configured && lacks $OLD && has $NEW $V"),
                step(
                    "dkms uninstall procdriver/$V -k $NEW && dpkg-trigger --by-package=dkms /usr/src",
                ),
                step("dpkg --configure -a && lacks $OLD && lacks $NEW"),
                step("dkms remove procdriver/$V --all; dpkg-trigger --by-package=dkms /usr/src"),
                step("dpkg --configure -a && test -z \"$(dkms status procdriver)\""),
                step("build_again"),
                UPGRADED,
            ],
            boots: &[Which::New],
        }],
    ),
    robust(
        "robust-modules-read-only",
        "/lib/modules is mounted read-only when the package is upgraded, and when it is removed",
        &[Part {
            steps: &[
                step("mount --bind /usr/lib/modules /usr/lib/modules"),
                step("mount -o remount,bind,ro /usr/lib/modules && offer next"),
                says(
                    "upgrade",
                    &["not built for 6", "/lib/modules/6.* can.t be written"],
                ),
                step("configured && has $OLD $V && is_at $NEXT"),
                step("umount /usr/lib/modules && build_again && has $OLD $NEXT && only $NEXT"),
                step("mount --bind /usr/lib/modules /usr/lib/modules"),
                step("mount -o remount,bind,ro /usr/lib/modules"),
                step("apt-get -q -y remove procdriver-dkms && configured"),
                step("umount /usr/lib/modules && install procdriver-dkms && has $OLD $NEXT"),
            ],
            boots: &[Which::Old],
        }],
    ),
    Case {
        start: Start::Old,
        ..robust(
            "robust-without-proc",
            "a chroot in which nobody mounted /proc: apt ends well, whatever the compilers do \
             without; with /proc one command builds",
            &[Part {
                steps: &[
                    step("offer procdriver && warm $OLD && umount /proc"),
                    step("install procdriver-dkms && configured"),
                    step("mount -t proc proc /proc && build_again && has $OLD $V"),
                    step("umount /proc && apt-get -q -y purge procdriver-dkms && configured"),
                    step(
                        "mount -t proc proc /proc && lacks $OLD && test ! -e /var/lib/dkms/procdriver",
                    ),
                ],
                boots: &[Which::Old],
            }],
        )
    },
    robust(
        "robust-tool-removed-first",
        "dkms-rust is taken away by force before the driver: removal and purge of the driver end well",
        &[Part {
            steps: &[
                step("dpkg --force-depends --remove dkms-rust dkms-rust-common"),
                step("dpkg --purge procdriver-dkms && configured"),
                step("test ! -e /var/lib/dkms-rust/procdriver.json"),
            ],
            boots: &[],
        }],
    ),
];
