// SPDX-License-Identifier: GPL-2.0-only

//! The cache: too small, damaged, locked, or left behind by a rebuild that did not end.

use super::case::{BadInput, case};

/// All cases.
pub const CASES: &[BadInput] = &[
    case("disk-full-before")
        .prepare("mkdir -p $C && mount -t tmpfs -o size=100m,mode=0755 none $C")
        .exits(77)
        .says(&[
            "needs [0-9]+ MB in .*, but only [0-9]+ MB are free",
            "mend: make room",
        ]),
    case("disk-full-in-the-middle")
        .prepare("mkdir -p $C && mount -t tmpfs -o size=420m,mode=0755 none $C")
        .command(
            "(sleep 6; dd if=/dev/zero of=$C/filler bs=1M 2>/dev/null) & \
             dkms-rust kdir -k $R; status=$?; wait; rm $C/filler; exit $status",
        )
        .exits(1)
        .says(&[
            "No space left on device",
            "can't prepare its Rust build tree",
        ]),
    case("killed-in-the-middle")
        // The second command must not mistake the leftovers of the first for a tree, and removes
        // them.
        .command("timeout --signal=KILL 8 dkms-rust kdir -k $R; ls -A $C/$R; dkms-rust check -k $R")
        .says(&["metadata to rebuild"])
        .may_make(),
    case("interrupted-in-the-middle")
        // Once while the source is read, and twice while the tree is made.
        .command(
            "for after in 2 1 12; do dkms-rust kdir -k $R & p=$!; \
             [ $after = 2 ] || until [ -d $C/$R ] || ! kill -0 $p; do sleep 0.2; done; \
             sleep $after; kill $p; wait $p; echo ended $?; done; ls -A $C/$R; \
             ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -c -e \"-> $C\"; \
             ls -A /var/lib/dkms-rust",
        )
        .says(&[
            "ended 143\n(?s).*ended 143\n.*ended 143\n",
            "\n[.]lock\n0\n",
        ]),
    case("rebuild-that-failed-is-not-repeated")
        // The second `make` does not try again. `kdir` is for people, so it does.
        .prepare(
            "mkdir /tmp/m && cd /tmp/m && echo 'obj-m := m.o' > Kbuild && \
             mv /usr/lib/dkms-rust/bindgen-0-71 /root/bindgen && \
             printf '#!/bin/sh\\ncase \"$*\" in *_generated.rs*) echo error: it is broken \
             >&2; exit 1;; esac\\n\
             exec /root/bindgen \"$@\"\\n' > /usr/lib/dkms-rust/bindgen-0-71 && \
             chmod 755 /usr/lib/dkms-rust/bindgen-0-71",
        )
        .command(
            "cd /tmp/m && dkms-rust make -k $R; echo first $?; dkms-rust make -k $R; \
             echo second $?; dkms-rust check -k $R; echo check $?; \
             test -s /var/log/dkms-rust/$R.log && \
             dkms-rust kdir -k $R; echo again $?",
        )
        .says(&[
            "error: it is broken",
            "The complete log is in /var/log/dkms-rust/",
            "first 1\n",
            "rebuilding its Rust metadata failed before, and nothing has changed since: error: it \
             is broken",
            "second 77\n",
            "check 77\n",
            "again 1\n",
        ]),
    case("cache-writable-by-others")
        .prepare("mkdir -p $C && chmod 777 $C")
        .exits(1)
        .says(&["can't be trusted", "can be written by others"]),
    case("cache-is-a-link")
        .prepare("mkdir -p /tmp/elsewhere && rm -rf $C && ln -s /tmp/elsewhere $C")
        .exits(1)
        .says(&["can't be trusted", "is a link"]),
    case("cache-damaged-and-no-source-to-mend-it")
        .prepare(
            "cp -a $W $C && rm /usr/src/linux-source-*.tar.xz && \
             for f in $C/$R/*/rust/libkernel.rmeta; do echo x >> $f; done",
        )
        .exits(77)
        .says(&[
            "libkernel.rmeta has changed since it was made",
            "linux-source-.*tar.xz is missing",
        ]),
    case("cache-damaged-is-mended")
        // Only the manifest reveals this: the tree has all its files.
        .prepare(
            "cp -a $W $C && \
             for f in $C/$R/*/rust/libmacros.so; do echo x >> $f; done && \
             for f in $C/$R/*/dkms-rust.json; do cp $f /tmp/before.json; done",
        )
        .command(
            "dkms-rust kdir -k $R && tree=$(dkms-rust kdir -k $R) && \
             test -f $tree/rust/libmacros.so && \
             cmp $tree/.config /lib/modules/$R/build/.config \
             && echo mended",
        )
        .says(&[
            "libmacros.so has changed since it was made",
            "done in",
            "mended",
        ])
        .may_make(),
    case("cache-on-noexec")
        .prepare("mkdir -p $C && mount -t tmpfs -o noexec,mode=0755 none $C")
        .command("dkms-rust check -k $R")
        .exits(77)
        .says(&["mounted noexec", "mend: mount -o remount,exec "]),
    case("cache-that-nobody-can-write")
        .prepare("cp -a $W $C && mount --bind $C $C && mount -o remount,bind,ro $C")
        .says(&["^/var/cache/dkms-rust/"]),
    case("lock-that-a-user-holds")
        // The second lock is like those of 0.1.0: anybody can open it.
        .prepare("cp -a $W $C && chmod -R go-w $C")
        .command(
            "user='setpriv --reuid=1000 --regid=1000 --clear-groups'; \
             rm -f $C/$R/.lock; dkms-rust kdir -k $R >/dev/null; \
             $user flock --nonblock $C/$R/.lock true; echo new $?; chmod 644 $C/$R/.lock; \
             $user flock $C/$R/.lock sleep 60 >/dev/null 2>&1 & sleep 1; \
             timeout 20 dkms-rust clean -k $R; echo cleaned $?; kill $!",
        )
        .says(&["new 66\n", "cleaned 0\n"]),
    case("lock-whose-holder-does-not-end")
        .prepare("cp -a $W $C && chmod 600 $C/$R/.lock")
        .command(
            "flock $C/$R/.lock sleep 60 >/dev/null 2>&1 & sleep 1; \
             timeout 5 dkms-rust kdir -k $R; \
             echo waited $?; kill $!",
        )
        .says(&[
            "waiting for processes? [0-9]+ [(]flock[)].* to finish with this kernel",
            "waited 124\n",
        ]),
];
