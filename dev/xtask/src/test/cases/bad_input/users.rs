// SPDX-License-Identifier: GPL-2.0-only

//! Attacks by other users, on PATH, the build tree and the cache, and hostile variables in root's
//! environment.

use super::case::{BadInput, C_MODULE, case};

/// All cases.
pub const CASES: &[BadInput] = &[
    case("compilers-in-a-user-s-folder-of-root-s-path")
        .prepare(USER_S_PROGRAMS)
        .command(
            "for path in $U/bin:$PATH $PATH:$U/bin; do PATH=$path dkms-rust check -k $R; \
             PATH=$path dkms-rust status; done; test ! -e /tmp/ran && echo none ran",
        )
        .says(&["metadata to rebuild", "none ran\n"]),
    case("rustup-s-stand-ins-in-a-user-s-path")
        .prepare(USER_S_PROGRAMS)
        .command(
            "touch $U/bin/rustup; cd $U; \
             echo '[toolchain]\nchannel = \"x\"' > rust-toolchain.toml; \
             rm $U/bin/*gcc* $U/bin/bindgen* $U/bin/dpkg-query $U/bin/make; cp -a $W $C; \
             PATH=$U/bin:$PATH setpriv --reuid=1000 --regid=1000 --clear-groups \
             dkms-rust check -k $R; test ! -e /tmp/ran && echo none ran",
        )
        .says(&["metadata kept", "none ran\n"])
        .may_make(),
    case("environment-of-root")
        .prepare(C_MODULE)
        .command(
            "mkdir -p -m 1777 /home/u/tmp; chown 1000 /home/u/tmp; cd /tmp/m; \
             echo '$(shell env > /tmp/env)' >> Kbuild; \
             TMPDIR=/home/u/tmp HOME=/home/u RUSTUP_HOME=/home/u PATH=/home/u:$PATH \
             MAKEFLAGS=-n GCC_EXEC_PREFIX=/home/u/ KCFLAGS=/home/u dkms-rust make -k $R; \
             grep /home/u /tmp/env; echo found $?",
        )
        .says(&["found 1\n"]),
    case("build-tree-of-a-user")
        .prepare(USER_S_PROGRAMS)
        .command(
            "own=$R-own; cp -a /lib/modules/$R /lib/modules/$own; \
             cp -a $(readlink -f /lib/modules/$R/build) $U/linux; \
             sed -i \"s|^CONFIG_CC_VERSION_TEXT=.*|CONFIG_CC_VERSION_TEXT=\\\"$U/bin/gcc \
             (own) 14\\\"|\" \
             $U/linux/.config; chown -R 1000 $U; ln -sfn $U/linux /lib/modules/$own/build; \
             dkms-rust check -k $own; echo check $?; dkms-rust status; \
             test ! -e /tmp/ran && echo none ran",
        )
        .says(&[
            "users other than root can change its build tree [(].*belongs to user 1000",
            "check 77\n",
            "none ran\n",
        ]),
    case("ordinary-user-with-ccache-and-no-home")
        .prepare(C_MODULE)
        .command(
            "mkdir /tmp/ccache; for name in gcc-14 x86_64-linux-gnu-gcc-14; do \
             printf '#!/bin/sh\\n[ \"$CCACHE_DISABLE\" ] || \
             exit 1\\nexec /usr/bin/%s \"$@\"\\n' $name \
             > /tmp/ccache/$name; chmod 755 /tmp/ccache/$name; done; \
             chown -R 1000:1000 /tmp/m; cd /tmp/m; \
             env -u HOME PATH=/tmp/ccache:$PATH setpriv --reuid=1000 --regid=1000 \
             --clear-groups \
             sh -c \"dkms-rust check -k $R && dkms-rust make -k $R\"; echo made $?",
        )
        .says(&["metadata kept", "made 0\n"]),
];

/// Makes a user's programs that are named like compilers and record when they are run.
const USER_S_PROGRAMS: &str = r#"
mkdir -p $U/bin
for name in rustc rustc-1.99 bindgen bindgen-9.9 gcc gcc-14 x86_64-linux-gnu-gcc-14 dpkg-query make; do
    printf '#!/bin/sh\necho $0 >> /tmp/ran\necho "%s 9.9.9"\n' $name > $U/bin/$name
    chmod 755 $U/bin/$name
done
chown -R 1000:1000 $U
"#;
