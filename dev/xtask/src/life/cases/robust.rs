// SPDX-License-Identifier: GPL-2.0-only

//! Hostile system settings, and interference by others: apt succeeds, and the module is there
//! whenever possible.

use super::case::{Case, Start, Step, Which, case, says, step};

const fn robust(name: &'static str, about: &'static str, steps: &'static [Step]) -> Case {
    case(name, about, Start::Installed, steps)
}

const UPGRADED: Step = step("configured && has $OLD $V && has $NEW $V");

/// All cases.
pub const CASES: &[Case] = &[
    robust(
        "robust-noexec",
        "/var/lib/dkms and /tmp are mounted noexec, and no file of the source is executable: \
         dkms's hook still builds the driver for a new kernel",
        &[
            step("offer new && warm $NEW && noexec /var/lib/dkms && noexec /tmp"),
            step("find /usr/src/procdriver-$V -type f -exec chmod 644 {} +"),
            step("upgrade"),
            UPGRADED,
            step("let_go /var/lib/dkms /tmp && has $NEW $V").boots(&[Which::New]),
        ],
    )
    .in_test(),
    robust(
        "robust-noexec-cache",
        "/var/cache is mounted noexec when a kernel is installed: the kernel is skipped, and apt \
         succeeds and says why",
        &[
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
            UPGRADED.boots(&[Which::New]),
        ],
    ),
    robust(
        "robust-trees-moved",
        "framework.conf moves dkms_tree and source_tree: `dkms-rust status` finds the module, a \
         kernel upgrade builds the driver, and removal and purge leave nothing in either \
         directory",
        &[
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
            step("test -z \"$(ls /srv/src)$(dkms status)\"").boots(&[Which::New]),
        ],
    )
    .from(Start::Old),
    robust(
        "robust-broken-record",
        "dkms's record of the driver has lost its source, which dkms calls broken: the package's \
         trigger repairs the record when a kernel is installed",
        &[
            step("rm /var/lib/dkms/procdriver/$V/source && dkms status 2>&1 | grep broken"),
            step("offer new && warm $NEW && upgrade"),
            UPGRADED.boots(&[Which::New]),
        ],
    ),
    robust(
        "robust-dkms-remove-is-respected",
        "the administrator removed the module from a kernel, or the driver from dkms: new files \
         in /usr/src do not bring it back, `dpkg-reconfigure` does",
        &[
            step("dkms uninstall procdriver/$V -k $OLD && lacks $OLD"),
            step("offer new && warm $NEW && upgrade"),
            step("configured && lacks $OLD && has $NEW $V"),
            step("dkms uninstall procdriver/$V -k $NEW && dpkg-trigger --by-package=dkms /usr/src"),
            step("dpkg --configure -a && lacks $OLD && lacks $NEW"),
            step("dkms remove procdriver/$V --all; dpkg-trigger --by-package=dkms /usr/src"),
            step("dpkg --configure -a && test -z \"$(dkms status procdriver)\""),
            step("build_again"),
            UPGRADED.boots(&[Which::New]),
        ],
    ),
    robust(
        "robust-modules-read-only",
        "/lib/modules is mounted read-only while the package is upgraded, and while it is \
         removed: apt succeeds both times",
        &[
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
            step("umount /usr/lib/modules && install procdriver-dkms && has $OLD $NEXT")
                .boots(&[Which::Old]),
        ],
    ),
    robust(
        "robust-without-proc",
        "in a chroot without /proc, apt succeeds even if the compilers fail; once /proc is \
         mounted, one command builds the driver",
        &[
            step("offer procdriver && warm $OLD && umount /proc"),
            step("install procdriver-dkms && configured"),
            step("mount -t proc proc /proc && build_again && has $OLD $V"),
            step("umount /proc && apt-get -q -y purge procdriver-dkms && configured"),
            step("mount -t proc proc /proc && lacks $OLD && test ! -e /var/lib/dkms/procdriver")
                .boots(&[Which::Old]),
        ],
    )
    .from(Start::Old),
    robust(
        "robust-tool-removed-first",
        "dkms-rust is removed by force before the driver: the driver can still be removed and \
         purged",
        &[
            step("dpkg --force-depends --remove dkms-rust dkms-rust-common"),
            step("dpkg --purge procdriver-dkms && configured"),
            step("test ! -e /var/lib/dkms-rust/procdriver.json"),
        ],
    ),
];
