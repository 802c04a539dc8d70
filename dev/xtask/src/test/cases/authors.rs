// SPDX-License-Identifier: GPL-2.0-only

//! What the author of a module does with what `dkms-rust new` wrote. The cases run one after the
//! other in one directory of a Debian 13 root with dkms-rust installed, its cache filled.
//!
//! The command lines are for sh, as root, with `RELEASES` set to those of all kernels.

use super::driver_source::Case;

const fn case(name: &'static str, command: &'static str, says: &'static str) -> Case {
    Case {
        name,
        command,
        says,
        no_warning: true,
    }
}

/// From an empty directory to a package that is installed.
pub const PLAIN: &[Case] = &[
    case(
        "new-says-what-comes-next",
        "DEBFULLNAME='Ann Author' DEBEMAIL=ann@debian.org dkms-rust new hello",
        "(?s)hello: a module that makes /dev/hello.*cd hello.*dkms-rust make.*make deb",
    ),
    case(
        "new-writes-into-no-directory-that-is-not-empty",
        "! dkms-rust new hello",
        "hello is not empty",
    ),
    case(
        "any-name-is-formatted",
        "long=$(printf 'a%.0s' $(seq 55)) && dkms-rust new $long && make -C $long rustfmtcheck && \
         make -C hello rustfmtcheck && rm -r $long",
        "rustfmt",
    ),
    case(
        "scripts-are-clean",
        "shellcheck hello/ci/build-all hello/debian/tests/install hello/debian/*.p*",
        "",
    ),
    case(
        "ci-builds-for-every-kernel",
        "cd hello && ci/build-all && ! ls ./*.ko",
        "(?s)linked by rustc.*Rust symbols that the kernel exports|\
         (?s)Rust symbols that the kernel exports.*linked by rustc",
    ),
    case(
        "ci-fails-where-one-kernel-fails",
        "cd hello && cp -r . /tmp/broken && cd /tmp/broken && echo 'fn x() -> u8 {}' >>src/hello.rs \
         && ! ci/build-all && rm -r /tmp/broken",
        "not built for: .*amd64 .*amd64",
    ),
    case(
        "make-deb-makes-a-package-without-a-complaint",
        "cd hello && make deb && lintian --allow-root --pedantic --display-info --fail-on \
         error,warning,info,pedantic --tag-display-limit 0 build/hello-dkms_0.1.0_all.deb",
        "building package 'hello-dkms'",
    ),
    case(
        "make-deb-twice-gives-the-same",
        "cd hello && sha256sum build/*.deb >../sum && sleep 1 && touch src/* && make deb >/dev/null \
         && sha256sum --check ../sum",
        "OK",
    ),
    case(
        "make-deb-refuses-two-versions",
        "cp -r hello two && cd two && sed -i '1s/0\\.1\\.0/0.2.0/' debian/changelog && ! make deb && \
         rm -r ../two",
        "dkms.conf has version 0.1.0, debian/changelog another",
    ),
    INSTALL,
];

/// Installs the package.
pub const INSTALL: Case = Case {
    name: "apt-install-builds-for-every-kernel",
    command: "apt-get -q -y --no-install-recommends install ./hello/build/hello-dkms_0.1.0_all.deb && \
              for release in $RELEASES; do \
              dkms status hello/0.1.0 -k $release | grep -q ': installed'; done",
    says: "hello: built for ",
    no_warning: false,
};

/// The end.
pub const PURGE: &[Case] = &[case(
    "purge-leaves-nothing",
    "apt-get -q -y purge hello-dkms && for left in /usr/src/hello-* /var/lib/dkms/hello \
     /usr/lib/modules/*/updates/dkms/hello* /var/lib/dkms-rust/hello.json /var/log/dkms-rust/hello \
     /usr/lib/modules-load.d/hello.conf; do [ ! -e \"$left\" ] || { echo $left is left; exit 1; }; \
     done",
    "Purging configuration files",
)];
