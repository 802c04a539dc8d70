// SPDX-License-Identifier: GPL-2.0-only

//! Packages of prebuilt modules: alone, and beside the DKMS package.

use super::case::{Case, Start, Step, Which, case, says, step};

const fn alone(name: &'static str, about: &'static str, steps: &'static [Step]) -> Case {
    case(name, about, Start::Target, steps)
}

const fn beside(name: &'static str, about: &'static str, steps: &'static [Step]) -> Case {
    case(name, about, Start::Installed, steps)
}

/// Makes a step that must fail as apt does.
const fn refused(line: &'static str, why: &'static [&'static str]) -> Step {
    says(line, why).exits(100)
}

const INSTALL: Step = step("install procdriver-modules-$OLD");
const NEXT_IS_BUILT: Step = step("configured && has $OLD $NEXT && taken_from $OLD dkms");
const PREBUILT: Step = step("configured && has $OLD $V && taken_from $OLD dkms-rust");
const BUILT: Step = step("configured && has $OLD $V && taken_from $OLD dkms");

/// All cases.
pub const CASES: &[Case] = &[
    alone(
        "prebuilt-alone",
        "on a machine without compilers, headers and dkms, apt installs only the package and \
         dkms-rust-common, and the driver is there; the newer kernel and its package are \
         installed in one apt run; removing the older kernel also removes its package; purge \
         leaves nothing",
        &[
            step("note && offer procdriver packed-old"),
            step("measured procdriver-modules-$OLD"),
            step("came dkms-rust-common procdriver-modules-$OLD"),
            PREBUILT,
            says("dkms-rust status", &["procDriver +prebuilt"]).boots(&[Which::Old]),
            step("apt-get -q -y remove procdriver-modules-$OLD && lacks $OLD"),
            step("configured && test ! -e /var/lib/dkms-rust/procdriver.json"),
            step("apt-get -q -y purge procdriver-modules-$OLD dkms-rust-common"),
            step("configured && as_noted").boots(&[Which::Old]),
            INSTALL,
            step("offer new packed-new"),
            step("measured linux-image-amd64 procdriver-modules-$NEW"),
            step("! grep -v ^linux- /root/came | grep -vx procdriver-modules-$NEW"),
            step("has $NEW $V && has $OLD $V && configured && dkms-rust status")
                .boots(&[Which::New, Which::Old]),
            step("apt-get -q -y purge linux-image-$OLD"),
            step("configured && gone $OLD && has $NEW $V && dkms-rust status"),
            step("apt-get -q -y purge 'procdriver-modules-*' dkms-rust-common"),
            step("configured && lacks $NEW && gone $NEW/updates").boots(&[Which::New]),
        ],
    )
    .in_test(),
    alone(
        "prebuilt-repository-behind",
        "the newer kernel is installed before the repository has a package for it: apt says so \
         before the reboot, and `dkms-rust status` afterwards, until the package is installed",
        &[
            step("offer procdriver packed-old && install procdriver-modules-$OLD"),
            step("offer new"),
            says(
                "upgrade",
                &[
                    "procdriver: no module for 7[^ ]*: the package procdriver-modules-7[^ ]* is \
                     not installed",
                    "once your repository has it: apt install procdriver-modules-7",
                ],
            ),
            step("configured && lacks $NEW && has $OLD $V"),
            says("dkms-rust status", &["apt install procdriver-modules-7"]).exits(1),
            step("offer packed-new && install procdriver-modules-$NEW"),
            step("configured && has $NEW $V && dkms-rust status").boots(&[Which::New, Which::Old]),
        ],
    ),
    alone(
        "prebuilt-repository-spoiled",
        "a package, an index or a signature was modified, or another key has signed: apt refuses, \
         and nothing changes",
        &[
            step("offer procdriver && install dkms-rust-common && note"),
            step("spoiled packed-old 'printf x | dd of=$(echo *.deb) bs=1 seek=9000 conv=notrunc'"),
            step("apt-get -q update --error-on=any"),
            refused("install procdriver-modules-$OLD", &["Hash Sum mismatch"]),
            step("configured && lacks $OLD && as_noted && rm -r /var/lib/apt/lists"),
            step("spoiled packed-old 'sed -i s/^Size:.*/Size:\\ 1/ Packages'"),
            refused(
                "apt-get -q update --error-on=any",
                &["Hash Sum mismatch|unexpected size"],
            ),
            refused("install procdriver-modules-$OLD", &["Unable to locate"]),
            step("spoiled packed-old 'sed -i s/^Label:.*/Label:\\ other/ InRelease'"),
            refused("apt-get -q update --error-on=any", &["is not signed"]),
            refused("install procdriver-modules-$OLD", &["Unable to locate"]),
            step("spoiled packed-old 'cp /srv/packed-new/InRelease /srv/packed-new/Packages .'"),
            refused("apt-get -q update --error-on=any", &["is not signed"]),
            refused("install procdriver-modules-$OLD", &["Unable to locate"]),
            step("configured && lacks $OLD && as_noted"),
            step("rm /etc/apt/sources.list.d/spoiled.sources && offer packed-old"),
            INSTALL,
            PREBUILT.boots(&[Which::Old]),
        ],
    ),
    beside(
        "prebuilt-then-dkms",
        "the prebuilt module is installed first: the DKMS package builds nothing until the \
         prebuilt package is removed",
        &[
            step("offer procdriver packed-old"),
            INSTALL,
            says(
                "without_a_rebuild install procdriver-dkms",
                &["procdriver-modules-6[^ ]* has the module for 6"],
            ),
            PREBUILT,
            step("unbuilt $OLD && test ! -e /var/cache/dkms-rust/$OLD"),
            says("dkms-rust status", &["procDriver +prebuilt"]).boots(&[Which::Old]),
            step("warm $OLD"),
            says(
                "apt-get -q -y purge procdriver-modules-$OLD",
                &["built for 6"],
            ),
            BUILT,
            step("dkms-rust status").boots(&[Which::Old]),
        ],
    )
    .from(Start::Old),
    beside(
        "dkms-then-prebuilt",
        "the prebuilt module replaces one that dkms has built, and stays when the DKMS package \
         and the compilers are removed",
        &[
            step("offer packed-old"),
            says(
                "install procdriver-modules-$OLD",
                &["takes the place of the one that was built for 6"],
            ),
            PREBUILT,
            step("unbuilt $OLD && dkms-rust status").boots(&[Which::Old]),
            step("apt-get -q -y purge procdriver-dkms dkms-rust && configured"),
            PREBUILT,
            step("test ! -e /var/lib/dkms/procdriver && dkms-rust status"),
            step("without_compilers && configured"),
            PREBUILT.boots(&[Which::Old]),
        ],
    ),
    beside(
        "prebuilt-and-newer-dkms",
        "a newer DKMS package beside an older prebuilt module: the newer version is built and \
         loaded; the prebuilt module of the newer version replaces it; when that is removed, the \
         driver is built again",
        &[
            step("offer packed-old"),
            INSTALL,
            PREBUILT,
            step("offer next && upgrade"),
            NEXT_IS_BUILT,
            step("only $NEXT && dkms-rust status").boots(&[Which::Old]),
            step("offer packed-next"),
            says("upgrade", &["takes the place of the one that was built"]),
            step("configured && has $OLD $NEXT && taken_from $OLD dkms-rust"),
            step("unbuilt $OLD && dkms-rust status").boots(&[Which::Old]),
            step("apt-get -q -y purge procdriver-modules-$OLD"),
            NEXT_IS_BUILT.boots(&[Which::Old]),
        ],
    ),
    beside(
        "prebuilt-missing-is-built",
        "the newer kernel has no prebuilt module, but the DKMS package is installed: dkms's hook \
         builds the driver",
        &[
            step("offer packed-old"),
            INSTALL,
            PREBUILT,
            step("offer new && warm $NEW && upgrade"),
            step("configured && has $NEW $V && taken_from $NEW dkms"),
            PREBUILT,
            says("dkms-rust status", &["procDriver +prebuilt"]).boots(&[Which::New, Which::Old]),
        ],
    ),
    beside(
        "prebuilt-with-the-kernel",
        "the newer kernel and its prebuilt module are installed in one apt run, beside the DKMS \
         package: nothing is built",
        &[
            step("offer packed-old packed-new new"),
            INSTALL,
            step(
                "without_a_rebuild install linux-image-amd64 linux-headers-amd64 linux-source \
                 procdriver-modules-$NEW",
            ),
            step("configured && has $NEW $V && taken_from $NEW dkms-rust"),
            step("unbuilt $NEW && test ! -e /var/cache/dkms-rust/$NEW && dkms-rust status")
                .boots(&[Which::New]),
        ],
    ),
    beside(
        "pack-twice",
        "`dkms-rust pack` makes the same bytes twice, and changes nothing on the build host; bad \
         input is refused with a reason",
        &[
            step("packed $V $OLD /root/one && note && packed $V $OLD /root/two"),
            step("as_noted && cmp /root/one/*.deb /root/two/*.deb"),
            says(
                "packed 9 $OLD /root/three",
                &["no procdriver-9 in /usr/src"],
            )
            .exits(1),
            says("dkms-rust pack procdriver -k $OLD", &["NAME/VERSION"]).exits(2),
            says(
                "dkms-rust pack procdriver/$V -k $OLD --key /srv/fleet.pem",
                &["--certificate"],
            )
            .exits(2),
            says(
                "dkms-rust pack procdriver/$V -k $OLD --key /none --certificate \
                 /srv/fleet.der",
                &["can.t read /none"],
            )
            .exits(1),
            says(
                "dkms-rust pack procdriver/$V -k $OLD --key /srv/fleet.der --certificate \
                 /srv/fleet.der",
                &["is not signed"],
            )
            .exits(1),
            says(
                "dkms-rust pack procdriver/$V -k $OLD -o /none",
                &["can.t write to /none"],
            )
            .exits(1),
            says(
                "mkdir /root/ro && mount --bind /root/ro /root/ro && \
                 mount -o remount,bind,ro /root/ro && packed $V $OLD /root/ro",
                &["/root/ro", "Read-only file system"],
            )
            .exits(1),
            // These packages would bring its headers and linux-source.
            step("apt-get -q -y remove linux-image-amd64 linux-headers-amd64 linux-source"),
            step("offer new && install linux-image-$NEW"),
            says(
                "packed $V $NEW /root/three",
                &["apt install linux-headers-7"],
            )
            .exits(77),
            step("configured && test -z \"$(ls /root/three)$(ls /root/ro)\" && has $OLD $V"),
        ],
    ),
];
