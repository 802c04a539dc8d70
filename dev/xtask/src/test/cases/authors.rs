// SPDX-License-Identifier: GPL-2.0-only

//! What a module's author does with the output of `dkms-rust new`. The cases run in sequence in one
//! directory of a Debian 13 root, in which dkms-rust is installed and its cache is filled.
//!
//! Commands are run by sh, as root. `RELEASES` contains the releases of all kernels.

use super::driver_source::Case;

const fn case(name: &'static str, command: &'static str, says: &'static str) -> Case {
    Case {
        name,
        command,
        says,
        no_warning: true,
    }
}

/// From an empty directory to an installed package.
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
        "cd hello && ci/build-all >../report && ! ls ./*.ko && cat ../report && \
         [ $(grep -o '\"result\":\"built\"' ../report | wc -l) = 2 ]",
        r#"\{"schema":1,"kernels":\[\{.*"way":"linked".*"way":"rebuilt""#,
    ),
    case(
        "ci-fails-where-one-kernel-fails",
        "cp -r hello /tmp/broken && cd /tmp/broken && echo 'fn x() -> u8 {}' >>src/hello.rs && \
         status=0; ci/build-all || status=$?; [ $status = 1 ] && rm -r /tmp/broken",
        r#"\{"schema":1,"kernels":\[\{.*"result":"failed".*"result":"failed""#,
    ),
    case(
        "clippy-on-every-kernel",
        "cd hello && for release in $RELEASES; do dkms-rust make -k $release -- CLIPPY=1 && \
         modinfo -F vermagic ./hello.ko | grep -q \"^$release \" && \
         dkms-rust make -k $release -- clean || exit 1; done",
        "(?s)CLIPPY.*CLIPPY",
    ),
    case(
        "clippy-complains-on-every-kernel",
        "cp -r hello /tmp/unclean && cd /tmp/unclean && echo 'pub fn f(x: bool) -> bool { x == true }' \
         >>src/modinfo.rs && for release in $RELEASES; do \
         dkms-rust make -k $release -- CLIPPY=1 2>&1 | grep bool_comparison || exit 1; \
         dkms-rust make -k $release -- clean; done && rm -r /tmp/unclean",
        "(?s)bool_comparison.*bool_comparison",
    ),
    case(
        "rust-analyzer-on-every-kernel",
        "cd hello && for release in $RELEASES; do rm -f rust-project.json; \
         dkms-rust make -k $release -- rust-analyzer && \
         grep -c '\"display_name\": \"kernel\"' rust-project.json && \
         grep 'root_module.*src/hello.rs' rust-project.json || exit 1; done; rm rust-project.json",
        "(?s)hello.rs.*hello.rs",
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

/// The last case.
pub const PURGE: &[Case] = &[case(
    "purge-leaves-nothing",
    "apt-get -q -y purge hello-dkms && for left in /usr/src/hello-* /var/lib/dkms/hello \
     /usr/lib/modules/*/updates/dkms/hello* /var/lib/dkms-rust/hello.json /var/log/dkms-rust/hello \
     /usr/lib/modules-load.d/hello.conf; do [ ! -e \"$left\" ] || { echo $left is left; exit 1; }; \
     done",
    "Purging configuration files",
)];

/// Builds that need another build tree. They run after [`DEBHELPER`], in the same directory.
pub const PREFLIGHT: &[Case] = &[
    case(
        "a-kernel-that-is-not-installed-is-built-for",
        "set -- $RELEASES && mkdir debs && cd debs && for package in $(dpkg -S \
         /usr/src/linux-headers-$1 /usr/src/linux-headers-${1%-amd64}-common \
         /usr/src/linux-kbuild-${1%-amd64} | sed 's/:.*//' | sort -u); do \
         mkdir -p $package/DEBIAN && dpkg -L $package | grep ^/usr/ | \
         while read -r f; do [ -d $f -a ! -L $f ] || echo ${f#/}; done | tar -C / -cT - | \
         tar -C $package -x && dpkg -s $package | grep -v '^Status' >$package/DEBIAN/control && \
         dpkg-deb -b $package; done && cd ../hello && mv /usr/lib/modules/$1 /srv && \
         ! dkms-rust preflight ../debs/linux-headers-$1.deb && mkdir ../linux-source && \
         mv /usr/src/linux-source-*.xz ../linux-source && ! dkms-rust preflight ../debs/*.deb && \
         mv ../linux-source/* /usr/src && dkms-rust preflight ../debs/*.deb --json && mv /srv/$1 /usr/lib/modules && \
         modinfo -F vermagic ./hello.ko && make clean",
        r#"(?s)also name the files of linux-headers-.*-common, linux-kbuild.*add --source FILE.*"result":"built".*"way":"rebuilt""#,
    ),
    case(
        "a-user-builds-with-a-cache-of-their-own",
        "set -- $RELEASES && useradd --create-home ann && cp -r hello ~ann && chown -R ann: ~ann && \
         mv /var/cache/dkms-rust/$2 /srv/cache && cat >/tmp/ann <<'EOF'\ncd ~/hello && \
         dkms-rust make -k $2 && modinfo -F vermagic ./hello.ko && dkms-rust check -k $2 && \
         ls -d ~/.cache/dkms-rust/trees/$2\nEOF\nsetpriv --reuid=ann --regid=ann --clear-groups \
         env HOME=/home/ann sh -eu /tmp/ann $1 $2 && [ ! -e /var/cache/dkms-rust/$2 ] && \
         ! dkms-rust kdir -k $2 --cache ~ann/.cache/dkms-rust; mv /srv/cache /var/cache/dkms-rust/$2",
        "(?s)metadata kept.*/home/ann/.cache/dkms-rust/trees/.*belongs to user",
    ),
];

/// With debhelper: from an empty directory to the package's removal.
pub const DEBHELPER: &[Case] = &[
    case(
        "new-for-debhelper",
        "DEBFULLNAME='Ann Author' DEBEMAIL=ann@debian.org dkms-rust new hello --debhelper",
        "dpkg-buildpackage",
    ),
    Case {
        no_warning: false,
        ..case(
            "dpkg-buildpackage-makes-a-package-without-a-complaint",
            "cd hello && dpkg-buildpackage -us -uc && lintian --allow-root --pedantic \
             --display-info --fail-on error,warning,info,pedantic --tag-display-limit 0 \
             --suppress-tags initial-upload-closes-no-bugs ../hello_0.1.0_amd64.changes",
            "building package 'hello-dkms'",
        )
    },
    case(
        "its-scripts-are-those-of-a-package-by-dpkg-alone",
        "dpkg-deb -e hello-dkms_0.1.0_all.deb by-dh && DEBFULLNAME='Ann Author' DEBEMAIL=ann@debian.org \
         dkms-rust new hello plain >/dev/null && \
         for script in postinst prerm postrm; do sed '/^#/d; /^$/d' by-dh/$script >a && \
         sed '/^#/d; /^$/d' plain/debian/hello-dkms.$script | diff a - || exit 1; done",
        "",
    ),
    case(
        "its-files-are-those-of-a-package-by-dpkg-alone",
        "dpkg-deb -x hello-dkms_0.1.0_all.deb by-dh.d && make -C plain deb >/dev/null && \
         diff -r by-dh.d/usr/src plain/build/hello-dkms/usr/src && \
         diff -r by-dh.d/usr/lib plain/build/hello-dkms/usr/lib",
        "",
    ),
    case(
        "a-dkms-conf-is-written-where-none-is-listed",
        "mkdir t && cp -r hello t/none && cd t/none && sed -i /dkms.conf/d debian/hello-dkms.dkms && \
         debian/rules binary >/dev/null && \
         grep -v '^# To use' dkms.conf | diff debian/hello-dkms/usr/src/hello-0.1.0/dkms.conf -",
        "",
    ),
    case(
        "every-module-of-obj-m-is-in-it",
        "cd t/none && echo 'obj-m += other.o more.o' >>Kbuild && debian/rules binary >/dev/null && \
         grep MODULE_NAME debian/hello-dkms/usr/src/hello-0.1.0/dkms.conf && \
         grep -- '--unload hello --unload other --unload more ' debian/hello-dkms/DEBIAN/prerm && \
         grep -- 'configure hello --load hello --in-use' debian/hello-dkms/DEBIAN/postinst && rm -r ../none",
        "BUILT_MODULE_NAME\\[2\\]=\"more\"",
    ),
    case(
        "a-version-that-is-not-the-changelog-s-is-refused",
        "cp -r hello t/two && cd t/two && sed -i '1s/0\\.1\\.0/0.2.0/' debian/changelog && \
         ! debian/rules binary && rm -r ../two",
        "the version is 0.1.0 in .*dkms.conf, but 0.2.0 in debian/changelog",
    ),
    case(
        "a-file-that-is-not-there-is-named",
        "cp -r hello t/two && cd t/two && echo nothing.c >>debian/hello-dkms.dkms && \
         ! debian/rules binary && rm -r ../two",
        "nothing.c",
    ),
    Case {
        no_warning: false,
        ..case(
            "installed-it-is-built-for-the-kernel-that-there-is",
            "set -- $RELEASES && mv /usr/lib/modules/$2 /srv && apt-get -q -y \
             --no-install-recommends install ./hello-dkms_0.1.0_all.deb && mv /srv/$2 /usr/lib/modules \
             && dkms status hello/0.1.0 -k $1 | grep ': installed'",
            "hello: built for ",
        )
    },
    Case {
        no_warning: false,
        ..case(
            "a-kernel-that-is-installed-later-gets-it",
            "set -- $RELEASES && ! dkms status hello/0.1.0 -k $2 | grep installed && \
             /etc/kernel/postinst.d/dkms $2 && dkms status hello/0.1.0 -k $2",
            ": installed",
        )
    },
    Case {
        no_warning: false,
        ..case(
            "an-upgrade-replaces-it",
            "cd hello && sed -i 's/0\\.1\\.0/0.2.0/' dkms.conf && sed -i '1s/0\\.1\\.0/0.2.0/' \
             debian/changelog && dpkg-buildpackage -us -uc -b >/dev/null && apt-get -q -y install \
             ../hello-dkms_0.2.0_all.deb && for release in $RELEASES; do \
             [ $(modinfo -k $release -F version hello) = 0.2.0 ] || exit 1; done && \
             [ ! -e /usr/src/hello-0.1.0 ] && ! dkms status hello/0.1.0 | grep .",
            "hello: built for ",
        )
    },
    case(
        "removed-it-leaves-only-what-is-remembered",
        "apt-get -q -y remove hello-dkms && ! dkms status | grep ^hello && \
         ! ls /usr/lib/modules/*/updates/dkms/hello* && ls /var/lib/dkms-rust/hello.json",
        "",
    ),
];
