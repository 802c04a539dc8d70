// SPDX-License-Identifier: GPL-2.0-only

//! Packages of prebuilt modules: alone, and beside the DKMS package.

use super::case::{Case, Part, Start, Step, Which, case, says, step};

const fn alone(name: &'static str, about: &'static str, parts: &'static [Part]) -> Case {
    case(name, about, Start::Target, parts)
}

const fn beside(name: &'static str, about: &'static str, parts: &'static [Part]) -> Case {
    case(name, about, Start::Installed, parts)
}

/// Makes a step that must fail as apt does.
const fn refused(line: &'static str, why: &'static [&'static str]) -> Step {
    Step {
        exit: 100,
        ..says(line, why)
    }
}

const INSTALL: Step = step("install procdriver-modules-$OLD");
const NEXT_IS_BUILT: Step = step("configured && has $OLD $NEXT && taken_from $OLD dkms");
const PREBUILT: Step = step("configured && has $OLD $V && taken_from $OLD dkms-rust");
const BUILT: Step = step("configured && has $OLD $V && taken_from $OLD dkms");

/// All cases.
pub const CASES: &[Case] = &[
    Case {
        in_test: true,
        ..alone(
            "prebuilt-alone",
            "a machine without compilers, headers and dkms: the package and dkms-rust-common are \
             all that comes, and the driver is there; the newer kernel and its package come in one \
             run of apt; the older kernel takes its package along; purge leaves nothing",
            &[
                Part {
                    steps: &[
                        step("note && offer procdriver packed-old"),
                        step("measured procdriver-modules-$OLD"),
                        step("came dkms-rust-common procdriver-modules-$OLD"),
                        PREBUILT,
                        says("dkms-rust status", &["procDriver +prebuilt"]),
                    ],
                    boots: &[Which::Old],
                },
                Part {
                    steps: &[
                        step("apt-get -q -y remove procdriver-modules-$OLD && lacks $OLD"),
                        step("configured && test ! -e /var/lib/dkms-rust/procdriver.json"),
                        step("apt-get -q -y purge procdriver-modules-$OLD dkms-rust-common"),
                        step("configured && as_noted"),
                    ],
                    boots: &[Which::Old],
                },
                Part {
                    steps: &[
                        INSTALL,
                        step("offer new packed-new"),
                        step("measured linux-image-amd64 procdriver-modules-$NEW"),
                        step("! grep -v ^linux- /root/came | grep -vx procdriver-modules-$NEW"),
                        step("has $NEW $V && has $OLD $V && configured && dkms-rust status"),
                    ],
                    boots: &[Which::New, Which::Old],
                },
                Part {
                    steps: &[
                        step("apt-get -q -y purge linux-image-$OLD"),
                        step("configured && gone $OLD && has $NEW $V && dkms-rust status"),
                        step("apt-get -q -y purge 'procdriver-modules-*' dkms-rust-common"),
                        step("configured && lacks $NEW && gone $NEW/updates"),
                    ],
                    boots: &[Which::New],
                },
            ],
        )
    },
    alone(
        "prebuilt-repository-behind",
        "the newer kernel comes while the repository has no package for it: apt says so before the \
         reboot, and status afterwards, until the package is there",
        &[Part {
            steps: &[
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
                Step {
                    exit: 1,
                    ..says("dkms-rust status", &["apt install procdriver-modules-7"])
                },
                step("offer packed-new && install procdriver-modules-$NEW"),
                step("configured && has $NEW $V && dkms-rust status"),
            ],
            boots: &[Which::New, Which::Old],
        }],
    ),
    alone(
        "prebuilt-repository-spoiled",
        "a package, an index or a signature was changed, or another key has signed: apt refuses, \
         and nothing changes",
        &[Part {
            steps: &[
                step("offer procdriver && install dkms-rust-common && note"),
                step(
                    "spoiled packed-old 'printf x | dd of=$(echo *.deb) bs=1 seek=9000 conv=notrunc'",
                ),
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
                step(
                    "spoiled packed-old 'cp /srv/packed-new/InRelease /srv/packed-new/Packages .'",
                ),
                refused("apt-get -q update --error-on=any", &["is not signed"]),
                refused("install procdriver-modules-$OLD", &["Unable to locate"]),
                step("configured && lacks $OLD && as_noted"),
                step("rm /etc/apt/sources.list.d/spoiled.sources && offer packed-old"),
                INSTALL,
                PREBUILT,
            ],
            boots: &[Which::Old],
        }],
    ),
    Case {
        start: Start::Old,
        ..beside(
            "prebuilt-then-dkms",
            "the prebuilt module is there first: the DKMS package builds nothing; when the prebuilt \
             package goes, it is built",
            &[
                Part {
                    steps: &[
                        step("offer procdriver packed-old"),
                        INSTALL,
                        says(
                            "without_a_rebuild install procdriver-dkms",
                            &["procdriver-modules-6[^ ]* has the module for 6"],
                        ),
                        PREBUILT,
                        step("unbuilt $OLD && test ! -e /var/cache/dkms-rust/$OLD"),
                        says("dkms-rust status", &["procDriver +prebuilt"]),
                    ],
                    boots: &[Which::Old],
                },
                Part {
                    steps: &[
                        step("warm $OLD"),
                        says(
                            "apt-get -q -y purge procdriver-modules-$OLD",
                            &["built for 6"],
                        ),
                        BUILT,
                        step("dkms-rust status"),
                    ],
                    boots: &[Which::Old],
                },
            ],
        )
    },
    beside(
        "dkms-then-prebuilt",
        "the prebuilt module comes to one that dkms has built, and takes its place; when the DKMS \
         package and the compilers go, it stays",
        &[
            Part {
                steps: &[
                    step("offer packed-old"),
                    says(
                        "install procdriver-modules-$OLD",
                        &["takes the place of the one that was built for 6"],
                    ),
                    PREBUILT,
                    step("unbuilt $OLD && dkms-rust status"),
                ],
                boots: &[Which::Old],
            },
            Part {
                steps: &[
                    step("apt-get -q -y purge procdriver-dkms dkms-rust && configured"),
                    PREBUILT,
                    step("test ! -e /var/lib/dkms/procdriver && dkms-rust status"),
                    step("without_compilers && configured"),
                    PREBUILT,
                ],
                boots: &[Which::Old],
            },
        ],
    ),
    beside(
        "prebuilt-and-newer-dkms",
        "a newer DKMS package beside an older prebuilt module: it is built, and taken; the prebuilt \
         module of that version is taken when it comes; without it, it is built again",
        &[
            Part {
                steps: &[
                    step("offer packed-old"),
                    INSTALL,
                    PREBUILT,
                    step("offer next && upgrade"),
                    NEXT_IS_BUILT,
                    step("only $NEXT && dkms-rust status"),
                ],
                boots: &[Which::Old],
            },
            Part {
                steps: &[
                    step("offer packed-next"),
                    says("upgrade", &["takes the place of the one that was built"]),
                    step("configured && has $OLD $NEXT && taken_from $OLD dkms-rust"),
                    step("unbuilt $OLD && dkms-rust status"),
                ],
                boots: &[Which::Old],
            },
            Part {
                steps: &[
                    step("apt-get -q -y purge procdriver-modules-$OLD"),
                    NEXT_IS_BUILT,
                ],
                boots: &[Which::Old],
            },
        ],
    ),
    beside(
        "prebuilt-missing-is-built",
        "the newer kernel comes without a prebuilt module, while the DKMS package is there: dkms's \
         hook builds",
        &[Part {
            steps: &[
                step("offer packed-old"),
                INSTALL,
                PREBUILT,
                step("offer new && warm $NEW && upgrade"),
                step("configured && has $NEW $V && taken_from $NEW dkms"),
                PREBUILT,
                says("dkms-rust status", &["procDriver +prebuilt"]),
            ],
            boots: &[Which::New, Which::Old],
        }],
    ),
    beside(
        "prebuilt-with-the-kernel",
        "the newer kernel and its prebuilt module come in one run of apt, while the DKMS package is \
         there: nothing is built",
        &[Part {
            steps: &[
                step("offer packed-old packed-new new"),
                INSTALL,
                step(
                    "without_a_rebuild install linux-image-amd64 linux-headers-amd64 linux-source \
                     procdriver-modules-$NEW",
                ),
                step("configured && has $NEW $V && taken_from $NEW dkms-rust"),
                step("unbuilt $NEW && test ! -e /var/cache/dkms-rust/$NEW && dkms-rust status"),
            ],
            boots: &[Which::New],
        }],
    ),
    beside(
        "pack-twice",
        "`dkms-rust pack` twice gives the same bytes, and changes nothing on the machine that \
         builds; bad input is refused with a reason",
        &[Part {
            steps: &[
                step("packed $V $OLD /root/one && note && packed $V $OLD /root/two"),
                step("as_noted && cmp /root/one/*.deb /root/two/*.deb"),
                Step {
                    exit: 1,
                    ..says(
                        "packed 9 $OLD /root/three",
                        &["no procdriver-9 in /usr/src"],
                    )
                },
                Step {
                    exit: 2,
                    ..says("dkms-rust pack procdriver -k $OLD", &["NAME/VERSION"])
                },
                Step {
                    exit: 2,
                    ..says(
                        "dkms-rust pack procdriver/$V -k $OLD --key /srv/fleet.pem",
                        &["--certificate"],
                    )
                },
                Step {
                    exit: 1,
                    ..says(
                        "dkms-rust pack procdriver/$V -k $OLD --key /none --certificate \
                         /srv/fleet.der",
                        &["can.t read /none"],
                    )
                },
                Step {
                    exit: 1,
                    ..says(
                        "dkms-rust pack procdriver/$V -k $OLD --key /srv/fleet.der --certificate \
                         /srv/fleet.der",
                        &["is not signed"],
                    )
                },
                Step {
                    exit: 1,
                    ..says(
                        "dkms-rust pack procdriver/$V -k $OLD -o /none",
                        &["can.t write to /none"],
                    )
                },
                Step {
                    exit: 1,
                    ..says(
                        "mkdir /root/ro && mount --bind /root/ro /root/ro && \
                         mount -o remount,bind,ro /root/ro && packed $V $OLD /root/ro",
                        &["/root/ro", "Read-only file system"],
                    )
                },
                // These packages would bring its headers and linux-source.
                step("apt-get -q -y remove linux-image-amd64 linux-headers-amd64 linux-source"),
                step("offer new && install linux-image-$NEW"),
                Step {
                    exit: 77,
                    ..says(
                        "packed $V $NEW /root/three",
                        &["apt install linux-headers-7"],
                    )
                },
                step("configured && test -z \"$(ls /root/three)$(ls /root/ro)\" && has $OLD $V"),
            ],
            boots: &[],
        }],
    ),
];
