// SPDX-License-Identifier: GPL-2.0-only

//! Bad input for dkms-rust, and some good input that it must tell apart. Each case runs in a fresh
//! copy of a Debian 13 root, in which the package is installed and its cache is empty.
//!
//! Commands are run by sh, as root, with these variables: `R` is the kernel's release, `C`
//! dkms-rust's cache directory, `W` a filled cache to copy from, `U` the home directory of user
//! 1000.

/// A case.
pub struct BadInput {
    /// Its name.
    pub name: &'static str,
    /// The commands that make the input bad.
    pub prepare: &'static str,
    /// The command to test.
    pub command: &'static str,
    /// The expected exit status.
    pub exit: i32,
    /// Patterns that its output must match.
    pub says: &'static [&'static str],
    /// Whether it may leave files in the cache, because it mends the damage and continues.
    pub may_make: bool,
}

/// Makes a case with a refusal: the input is bad, nothing is done, nothing is left.
const fn refused(
    name: &'static str,
    prepare: &'static str,
    exit: i32,
    says: &'static [&'static str],
) -> BadInput {
    BadInput {
        name,
        prepare,
        command: "dkms-rust kdir -k $R",
        exit,
        says,
        may_make: false,
    }
}

/// All cases.
pub const CASES: &[BadInput] = &[
    refused(
        "headers-missing",
        "rm /lib/modules/$R/build",
        77,
        &[
            "its headers are not installed",
            "mend: install linux-headers-",
        ],
    ),
    BadInput {
        command: "dkms-rust kdir -k $R --headers /srv/other",
        ..refused(
            "headers-of-another-kernel",
            "cp -a $(readlink -f /lib/modules/$R/build) /srv/other && \
             echo 6.12.1 >/srv/other/include/config/kernel.release",
            77,
            &["the headers in /srv/other are those of 6.12.1"],
        )
    },
    refused(
        "linux-source-not-installed",
        "dpkg --remove --force-depends $(dpkg-query -Wf '${Package} ' 'linux-source*')",
        77,
        &[
            "linux-source-[0-9.]+ is not installed; it is needed",
            "mend: dkms-rust source -k .* --from .* in none of apt's sources",
        ],
    ),
    refused(
        "linux-source-archive-missing",
        "rm /usr/src/linux-source-*.tar.xz",
        77,
        &[
            "linux-source-.*tar.xz is missing",
            "mend: dkms-rust source -k ",
        ],
    ),
    refused(
        "linux-source-of-another-revision",
        "sed -i '/^Package: linux-source-/,/^$/s/^\\(Version: .*\\)$/\\1.1/' /var/lib/dpkg/status",
        77,
        &[
            "linux-source-[0-9.]+ is version .*\\.1, but its headers are",
            "mend: dkms-rust source -k ",
        ],
    ),
    refused(
        "linux-source-truncated",
        "truncate --size=1M /usr/src/linux-source-*.tar.xz",
        1,
        &["linux-source-.*tar.xz"],
    ),
    refused(
        "linux-source-is-not-xz",
        "for f in /usr/src/linux-source-*.tar.xz; do echo nonsense > $f; done",
        1,
        &["linux-source-.*tar.xz"],
    ),
    refused(
        "rustc-too-old",
        "rm -f /usr/bin/rustc*; printf '#!/bin/sh\\necho \"rustc 1.70.0 (0 2023-01-01)\"\\n' \
         > /usr/bin/rustc; chmod 755 /usr/bin/rustc",
        77,
        &[
            "need rustc 1[.][0-9.]+ or newer; /usr/bin/rustc is \"rustc 1.70.0",
            "mend: ",
        ],
    ),
    refused(
        "rustc-missing",
        "rm -f /usr/bin/rustc*",
        77,
        &[
            "need rustc 1[.][0-9.]+ or newer; none is installed",
            "mend: ",
        ],
    ),
    refused(
        "bindgen-missing",
        "rm /usr/bin/bindgen /usr/lib/dkms-rust/bindgen-*",
        77,
        &[
            "bindgen is not installed; it is needed",
            "mend: install bindgen",
        ],
    ),
    refused(
        "rust-src-missing",
        "dpkg --remove --force-depends rust-src",
        77,
        &[
            "source of Rust's library for .* is missing",
            "mend: install the source of Rust's library",
        ],
    ),
    refused(
        "gcc-missing",
        "rm -f /usr/bin/x86_64-linux-gnu-gcc-14 /usr/bin/gcc-14",
        77,
        &[
            "it was built by .*gcc-14 .*, but gcc-14 for its machine is not installed",
            "mend: install gcc-14",
        ],
    ),
    BadInput {
        name: "no-such-kernel",
        prepare: "true",
        command: "dkms-rust kdir -k 9.9.9-nosuch-amd64",
        exit: 77,
        says: &["9.9.9-nosuch-amd64: no such kernel is installed"],
        may_make: false,
    },
    BadInput {
        name: "release-that-leads-out",
        prepare: "mkdir -p /tmp/x",
        command: "dkms-rust kdir -k ../../tmp/x",
        exit: 2,
        says: &["is not a kernel release"],
        may_make: false,
    },
    BadInput {
        name: "release-is-empty",
        prepare: "true",
        command: "dkms-rust kdir -k ''",
        exit: 2,
        says: &["is not a kernel release"],
        may_make: false,
    },
    BadInput {
        name: "not-root",
        prepare: "true",
        command: "setpriv --reuid=65534 --regid=65534 --clear-groups dkms-rust kdir -k $R",
        exit: 77,
        says: &["mend: sudo dkms-rust kdir -k "],
        may_make: false,
    },
    BadInput {
        name: "disk-full-before",
        prepare: "mkdir -p $C && mount -t tmpfs -o size=100m,mode=0755 none $C",
        command: "dkms-rust kdir -k $R",
        exit: 77,
        says: &[
            "needs [0-9]+ MB in .*, but only [0-9]+ MB are free",
            "mend: make room",
        ],
        may_make: false,
    },
    BadInput {
        name: "disk-full-in-the-middle",
        prepare: "mkdir -p $C && mount -t tmpfs -o size=420m,mode=0755 none $C",
        command: "(sleep 6; dd if=/dev/zero of=$C/filler bs=1M 2>/dev/null) & \
                  dkms-rust kdir -k $R; status=$?; wait; rm $C/filler; exit $status",
        exit: 1,
        says: &[
            "No space left on device",
            "can't prepare its Rust build tree",
        ],
        may_make: false,
    },
    BadInput {
        name: "killed-in-the-middle",
        prepare: "true",
        // The second command must not mistake the leftovers of the first for a tree, and removes
        // them.
        command: "timeout --signal=KILL 8 dkms-rust kdir -k $R; ls -A $C/$R; dkms-rust check -k $R",
        exit: 0,
        says: &["metadata to rebuild"],
        may_make: true,
    },
    BadInput {
        name: "cache-writable-by-others",
        prepare: "mkdir -p $C && chmod 777 $C",
        command: "dkms-rust kdir -k $R",
        exit: 1,
        says: &["can't be trusted", "can be written by others"],
        may_make: false,
    },
    BadInput {
        name: "cache-is-a-link",
        prepare: "mkdir -p /tmp/elsewhere && rm -rf $C && ln -s /tmp/elsewhere $C",
        command: "dkms-rust kdir -k $R",
        exit: 1,
        says: &["can't be trusted", "is a link"],
        may_make: false,
    },
    BadInput {
        name: "cache-damaged-and-no-source-to-mend-it",
        prepare: "cp -a $W $C && rm /usr/src/linux-source-*.tar.xz && \
                  for f in $C/$R/*/rust/libkernel.rmeta; do echo x >> $f; done",
        command: "dkms-rust kdir -k $R",
        exit: 77,
        says: &[
            "libkernel.rmeta has changed since it was made",
            "linux-source-.*tar.xz is missing",
        ],
        may_make: false,
    },
    BadInput {
        name: "cache-damaged-is-mended",
        // Only the manifest reveals this: the tree has all its files.
        prepare: "cp -a $W $C && \
                  for f in $C/$R/*/rust/libmacros.so; do echo x >> $f; done && \
                  for f in $C/$R/*/dkms-rust.json; do cp $f /tmp/before.json; done",
        command: "dkms-rust kdir -k $R && tree=$(dkms-rust kdir -k $R) && \
                  test -f $tree/rust/libmacros.so && cmp $tree/.config /lib/modules/$R/build/.config \
                  && echo mended",
        exit: 0,
        says: &[
            "libmacros.so has changed since it was made",
            "done in",
            "mended",
        ],
        may_make: true,
    },
    BadInput {
        name: "metadata-of-the-build-tree-is-used-as-it-is",
        prepare: HELLO_ON_OWN_TREE,
        // The module must be the same as with rebuilt metadata, which other tests boot. (The build
        // ID also covers the debug information, which contains paths.)
        command: "BARE='strip -g -R .note.gnu.build-id'; cd /tmp/hello && \
                  dkms-rust check -k $R && dkms-rust make -k $R && \
                  $BARE -o /tmp/own.ko hello.ko && \
                  find . -type f ! -name hello.rs ! -name Kbuild -delete && \
                  ln -sfn $(cat /tmp/headers) /lib/modules/$R/build && \
                  dkms-rust check -k $R && dkms-rust make -k $R && $BARE hello.ko && \
                  cmp /tmp/own.ko hello.ko && echo the same",
        exit: 0,
        says: &[
            "class metadata, shipped, .*, metadata own",
            "hello.ko: uses [1-9][0-9]* Rust symbols that the kernel exports",
            "class rust, rebuilt, .*, metadata kept",
            "the same\n",
        ],
        may_make: false,
    },
    BadInput {
        name: "rebuild-that-failed-is-not-repeated",
        // The second `make` does not try again. `kdir` is for people, so it does.
        prepare: "mkdir /tmp/m && cd /tmp/m && echo 'obj-m := m.o' > Kbuild && \
                  mv /usr/lib/dkms-rust/bindgen-0-71 /root/bindgen && \
                  printf '#!/bin/sh\\ncase \"$*\" in *_generated.rs*) echo error: it is broken >&2; exit 1;; esac\\n\
                  exec /root/bindgen \"$@\"\\n' > /usr/lib/dkms-rust/bindgen-0-71 && \
                  chmod 755 /usr/lib/dkms-rust/bindgen-0-71",
        command: "cd /tmp/m && dkms-rust make -k $R; echo first $?; dkms-rust make -k $R; \
                  echo second $?; dkms-rust check -k $R; echo check $?; test -s /var/log/dkms-rust/$R.log && \
                  dkms-rust kdir -k $R; echo again $?",
        exit: 0,
        says: &[
            "error: it is broken",
            "The complete log is in /var/log/dkms-rust/",
            "first 1\n",
            "rebuilding its Rust metadata failed before, and nothing has changed since: error: it \
             is broken",
            "second 77\n",
            "check 77\n",
            "again 1\n",
        ],
        may_make: false,
    },
    BadInput {
        name: "linux-source-gone-and-a-tool-upgraded",
        // A changed bindgen needs a new tree. Once the slice is kept, it can be made.
        prepare: "cp -a $W $C && rm /usr/src/linux-source-*.tar.xz && touch -d 2020-01-01 /usr/lib/dkms-rust/bindgen-0-71",
        command: "dkms-rust check -k $R; echo without $?; \
                  mkdir -p /tmp/s/rust/kernel /tmp/s/scripts && cp /usr/src/linux-headers-*-common/Makefile /tmp/s && \
                  echo > /tmp/s/rust/kernel/lib.rs && \
                  dkms-rust source -k $R --from /tmp/s && dkms-rust check -k $R",
        exit: 0,
        says: &[
            "tar.xz is missing",
            "without 77\n",
            "kept the slice of the source of",
            "class rust, rebuilt, .*, metadata to rebuild",
        ],
        may_make: false,
    },
    BadInput {
        name: "source-of-another-version",
        prepare: "mkdir -p /tmp/s/rust/kernel && echo > /tmp/s/rust/kernel/lib.rs && \
                  printf 'VERSION = 1\\nPATCHLEVEL = 2\\nSUBLEVEL = 3\\n' > /tmp/s/Makefile",
        command: "dkms-rust source -k $R --from /tmp/s; echo refused $?; \
                  dkms-rust source -k $R --from /tmp/s --force && dkms-rust check -k $R",
        exit: 0,
        says: &[
            "is the source of 1.2.3, but its headers are linux [0-9]",
            "refused 1\n",
            "class rust, linked, ",
        ],
        may_make: false,
    },
    BadInput {
        name: "source-that-is-none",
        prepare: "mkdir /tmp/s && echo x > /tmp/s/x && echo y > /tmp/y.tar.xz",
        command: "! dkms-rust source -k $R --from /tmp/s && ! dkms-rust source -k $R --from /tmp/y.tar.xz \
                  && ! dkms-rust source -k $R --from /tmp/none && ! dkms-rust source -k $R --fetch",
        exit: 0,
        says: &[
            "it has no rust/: it is not a kernel's source",
            "can't find /tmp/none",
            "apt can't download linux-source-",
        ],
        may_make: false,
    },
    BadInput {
        name: "source-that-does-harm",
        prepare: concat!(include_str!("tampered.sh"), include_str!("listener.sh")),
        // The program shows that the same code does harm if nothing prevents it.
        command: "/tmp/harm; test -e /etc/harm && rm /etc/harm; chmod 640 /etc/shadow; \
                  dkms-rust check -k $R --json; dkms-rust source -k $R --from /tmp/s && \
                  dkms-rust kdir -k $R; echo kdir $?; stat -c 'mode %a' /etc/shadow; \
                  test ! -e /etc/harm && echo no harm; kill $(cat /tmp/listener)",
        exit: 0,
        says: &[
            "^harm: wrote true, chmod true, connected true\n",
            "\"confined\":\"files and network\"",
            "harm: wrote false, chmod false, connected false",
            "kdir 1\nmode 640\nno harm\n",
        ],
        may_make: false,
    },
    BadInput {
        name: "source-that-plants-links",
        prepare: concat!(include_str!("tampered.sh"), include_str!("planting.sh")),
        command: "dkms-rust source -k $R --from /tmp/s && dkms-rust kdir -k $R; echo kdir $?; \
                  test ! -e /etc/planted && echo no harm; \
                  grep -lsxz 297 /proc/[0-9]*/cmdline || echo none is left; \
                  ls -d /var/cache/dkms-rust/$R/.new* || echo no tree is left",
        exit: 0,
        says: &[
            "a compiler made .*/rust/planted a link to /etc/planted",
            "kdir 1\nno harm\nnone is left\n",
            "no tree is left",
        ],
        may_make: true,
    },
    BadInput {
        name: "header-edited-in-place",
        prepare: "cp -a $W $C",
        command: "dkms-rust check -k $R && echo '/* edited */' >> \
                  $(echo /usr/src/linux-headers-*-common/include/linux/proc_fs.h | cut -d' ' -f1) && \
                  dkms-rust check -k $R",
        exit: 0,
        says: &["metadata kept\\)\n(?s).*metadata to rebuild"],
        may_make: false,
    },
    BadInput {
        name: "no-module-at-all",
        prepare: "cp -a $W $C && mkdir /tmp/m && echo 'obj-$(CONFIG_NEVER) := m.o' > /tmp/m/Kbuild",
        command: "cd /tmp/m && dkms-rust make -k $R",
        exit: 1,
        says: &["make built no module: obj-m in .* is empty for this kernel"],
        may_make: false,
    },
    BadInput {
        name: "cleaning-takes-no-metadata",
        prepare: "mkdir /tmp/m && cd /tmp/m && echo 'obj-m := m.o' > Kbuild && touch m.o m.ko",
        command: "cd /tmp/m && dkms-rust make -k $R -- clean && test ! -e m.ko && echo clean",
        exit: 0,
        says: &["clean\n"],
        may_make: false,
    },
    BadInput {
        name: "module-that-does-not-compile",
        prepare: "cp -a $W $C && mkdir /tmp/broken && cd /tmp/broken && \
                  echo 'obj-m := broken.o' > Kbuild && echo 'fn broken(' > broken.rs",
        command: "cd /tmp/broken && dkms-rust make -k $R",
        exit: 1,
        says: &[
            "error: this file contains an unclosed delimiter",
            "building the module failed",
        ],
        may_make: false,
    },
    BadInput {
        name: "cache-on-noexec",
        prepare: "mkdir -p $C && mount -t tmpfs -o noexec,mode=0755 none $C",
        command: "dkms-rust check -k $R",
        exit: 77,
        says: &["mounted noexec", "mend: mount -o remount,exec "],
        may_make: false,
    },
    BadInput {
        name: "cache-that-nobody-can-write",
        prepare: "cp -a $W $C && mount --bind $C $C && mount -o remount,bind,ro $C",
        command: "dkms-rust kdir -k $R",
        exit: 0,
        says: &["^/var/cache/dkms-rust/"],
        may_make: false,
    },
    BadInput {
        name: "memory-too-small",
        prepare: "sed 's/^\\(MemAvailable:\\|SwapFree:\\).*/\\1 256000 kB/' /proc/meminfo > /tmp/meminfo && \
                  mount --bind /tmp/meminfo /proc/meminfo",
        command: "dkms-rust check -k $R",
        exit: 77,
        says: &[
            "needs [0-9]+ MB of memory, but only 500 MB are available",
            "mend: fallocate .* swapon",
        ],
        may_make: false,
    },
    BadInput {
        name: "jobs-are-the-administrator-s",
        prepare: "mkdir -p /etc/dkms/framework.conf.d && \
                  echo 'parallel_jobs=1' > /etc/dkms/framework.conf.d/small.conf && \
                  mv /usr/bin/make /usr/bin/make-real && \
                  printf '#!/bin/sh\\necho error: called with $*\\nexit 1\\n' > /usr/bin/make && \
                  chmod 755 /usr/bin/make",
        command: "dkms-rust kdir -k $R",
        exit: 1,
        says: &["error: called with .* -j1 "],
        may_make: false,
    },
    BadInput {
        name: "lock-that-a-user-holds",
        // The second lock is like those of 0.1.0: anybody can open it.
        prepare: "cp -a $W $C && chmod -R go-w $C",
        command: "user='setpriv --reuid=1000 --regid=1000 --clear-groups'; \
                  rm -f $C/$R/.lock; dkms-rust kdir -k $R >/dev/null; \
                  $user flock --nonblock $C/$R/.lock true; echo new $?; chmod 644 $C/$R/.lock; \
                  $user flock $C/$R/.lock sleep 60 >/dev/null 2>&1 & sleep 1; \
                  timeout 20 dkms-rust clean -k $R; echo cleaned $?; kill $!",
        exit: 0,
        says: &["new 66\n", "cleaned 0\n"],
        may_make: false,
    },
    BadInput {
        name: "lock-whose-holder-does-not-end",
        prepare: "cp -a $W $C && chmod 600 $C/$R/.lock",
        command: "flock $C/$R/.lock sleep 60 >/dev/null 2>&1 & sleep 1; timeout 5 dkms-rust kdir -k $R; \
                  echo waited $?; kill $!",
        exit: 0,
        says: &[
            "waiting for processes? [0-9]+ [(]flock[)].* to finish with this kernel",
            "waited 124\n",
        ],
        may_make: false,
    },
    BadInput {
        name: "module-that-leaves-a-program-running",
        prepare: C_MODULE,
        // The program inherits make's standard error. It must not inherit the lock.
        command: "cd /tmp/m && echo '$(shell sleep 61 >/dev/null & echo $$! >> /tmp/pid)' >> Kbuild && \
                  timeout 40 dkms-rust make -k $R 2>&1; echo made $?; \
                  kill -0 $(tail -n 1 /tmp/pid) && timeout 20 dkms-rust clean -k $R; echo cleaned $?; \
                  kill $(cat /tmp/pid)",
        exit: 0,
        says: &["made 0\n", "cleaned 0\n"],
        may_make: false,
    },
    BadInput {
        name: "module-whose-make-hangs",
        prepare: C_MODULE,
        command: "n=654; cd /tmp/m && echo \"\\$(shell sleep ${n}3)\" >> Kbuild; \
                  DKMS_RUST_TIMEOUT=5 timeout 40 dkms-rust make -k $R; echo made $?; \
                  echo left: $(grep -lsz [6]543 /proc/[0-9]*/cmdline)",
        exit: 0,
        says: &[
            "make was stopped .*: time limit of 5 s reached",
            "made 1\n",
            "left:\n",
        ],
        may_make: false,
    },
    BadInput {
        name: "compiler-that-hangs",
        prepare: "mv /usr/lib/dkms-rust/bindgen-0-71 /root/bindgen && \
                  printf '#!/bin/sh\\ncase \"$*\" in *_generated.rs*) exec sleep 6542;; esac\\n\
                  exec /root/bindgen \"$@\"\\n' > /usr/lib/dkms-rust/bindgen-0-71 && chmod 755 /usr/lib/dkms-rust/bindgen-0-71",
        command: "DKMS_RUST_TIMEOUT=40 dkms-rust kdir -k $R; echo kdir $?; \
                  echo left: $(grep -lsz [6]542 /proc/[0-9]*/cmdline)",
        exit: 0,
        says: &[
            "make was stopped after 40 s [(]DKMS_RUST_TIMEOUT sets the limit[)]",
            "kdir 1\n",
            "left:\n",
        ],
        may_make: false,
    },
    BadInput {
        name: "compiler-that-is-killed",
        prepare: "mv /usr/bin/rustc /usr/bin/rustc.real && \
                  printf '#!/bin/sh\\ncase \"$*\" in *\"--crate-name core \"*) \
                  cat /proc/self/oom_score_adj >&2; kill -9 $$;; esac\\n\
                  exec rustc.real \"$@\"\\n' > /usr/bin/rustc && chmod 755 /usr/bin/rustc",
        // This failure is not remembered: next time there may be more memory.
        command: "dkms-rust kdir -k $R 2>/tmp/said; echo kdir $?; cat /tmp/said; \
                  echo rebuilt $(grep -c 'rebuilding .*[.][.][.]$' /tmp/said), \
                  core $(grep -cx 1000 /var/log/dkms-rust/$R.log); \
                  dkms-rust check -k $R",
        exit: 0,
        says: &[
            "was killed, probably because memory ran out",
            "kdir 1\n",
            "rebuilt 1, core 1\n",
            "metadata to rebuild",
        ],
        may_make: false,
    },
    BadInput {
        name: "interrupted-in-the-middle",
        prepare: "true",
        command: "for after in 5 9 17; do dkms-rust kdir -k $R & p=$!; sleep $after; kill $p; wait $p; \
                  echo ended $?; done; ls -A $C/$R; \
                  ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -c -e \"-> $C\"; ls -A /var/lib/dkms-rust",
        exit: 0,
        says: &[
            "ended 143\n(?s).*ended 143\n.*ended 143\n",
            "\n[.]lock\n0\n",
        ],
        may_make: false,
    },
    BadInput {
        name: "compilers-in-a-user-s-folder-of-root-s-path",
        prepare: USER_S_PROGRAMS,
        command: "for path in $U/bin:$PATH $PATH:$U/bin; do PATH=$path dkms-rust check -k $R; \
                  PATH=$path dkms-rust status; done; test ! -e /tmp/ran && echo none ran",
        exit: 0,
        says: &["metadata to rebuild", "none ran\n"],
        may_make: false,
    },
    BadInput {
        name: "rustup-s-stand-ins-in-a-user-s-path",
        prepare: USER_S_PROGRAMS,
        command: "touch $U/bin/rustup; cd $U; echo '[toolchain]\nchannel = \"x\"' > rust-toolchain.toml; \
                  rm $U/bin/*gcc* $U/bin/bindgen* $U/bin/dpkg-query $U/bin/make; cp -a $W $C; \
                  PATH=$U/bin:$PATH setpriv --reuid=1000 --regid=1000 --clear-groups \
                  dkms-rust check -k $R; test ! -e /tmp/ran && echo none ran",
        exit: 0,
        says: &["metadata kept", "none ran\n"],
        may_make: true,
    },
    BadInput {
        name: "environment-of-root",
        prepare: C_MODULE,
        command: "mkdir -p -m 1777 /home/u/tmp; chown 1000 /home/u/tmp; cd /tmp/m; \
                  echo '$(shell env > /tmp/env)' >> Kbuild; \
                  TMPDIR=/home/u/tmp HOME=/home/u RUSTUP_HOME=/home/u PATH=/home/u:$PATH MAKEFLAGS=-n \
                  GCC_EXEC_PREFIX=/home/u/ KCFLAGS=/home/u dkms-rust make -k $R; \
                  grep /home/u /tmp/env; echo found $?",
        exit: 0,
        says: &["found 1\n"],
        may_make: false,
    },
    BadInput {
        name: "build-tree-of-a-user",
        prepare: USER_S_PROGRAMS,
        command: "own=$R-own; cp -a /lib/modules/$R /lib/modules/$own; \
                  cp -a $(readlink -f /lib/modules/$R/build) $U/linux; \
                  sed -i \"s|^CONFIG_CC_VERSION_TEXT=.*|CONFIG_CC_VERSION_TEXT=\\\"$U/bin/gcc (own) 14\\\"|\" \
                  $U/linux/.config; chown -R 1000 $U; ln -sfn $U/linux /lib/modules/$own/build; \
                  dkms-rust check -k $own; echo check $?; dkms-rust status; \
                  test ! -e /tmp/ran && echo none ran",
        exit: 0,
        says: &[
            "users other than root can change its build tree [(].*belongs to user 1000",
            "check 77\n",
            "none ran\n",
        ],
        may_make: false,
    },
    BadInput {
        name: "ordinary-user-with-ccache-and-no-home",
        prepare: C_MODULE,
        command: "mkdir /tmp/ccache; for name in gcc-14 x86_64-linux-gnu-gcc-14; do \
                  printf '#!/bin/sh\\n[ \"$CCACHE_DISABLE\" ] || exit 1\\nexec /usr/bin/%s \"$@\"\\n' $name \
                  > /tmp/ccache/$name; chmod 755 /tmp/ccache/$name; done; \
                  chown -R 1000:1000 /tmp/m; cd /tmp/m; \
                  env -u HOME PATH=/tmp/ccache:$PATH setpriv --reuid=1000 --regid=1000 --clear-groups \
                  sh -c \"dkms-rust check -k $R && dkms-rust make -k $R\"; echo made $?",
        exit: 0,
        says: &["metadata kept", "made 0\n"],
        may_make: false,
    },
];

/// Fills the cache, and makes a module in C.
const C_MODULE: &str = r#"
cp -a $W $C
mkdir /tmp/m && cd /tmp/m && echo 'obj-m := m.o' > Kbuild
printf '#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_DESCRIPTION("m");\n' > m.c
"#;

/// Makes a user's programs that are named like compilers and record when they are run.
const USER_S_PROGRAMS: &str = r#"
mkdir -p $U/bin
for name in rustc rustc-1.99 bindgen bindgen-9.9 gcc gcc-14 x86_64-linux-gnu-gcc-14 dpkg-query make; do
    printf '#!/bin/sh\necho $0 >> /tmp/ran\necho "%s 9.9.9"\n' $name > $U/bin/$name
    chmod 755 $U/bin/$name
done
chown -R 1000:1000 $U
"#;

/// Makes a kernel whose build tree contains its metadata, and a module that is not our driver.
const HELLO_ON_OWN_TREE: &str = r#"
cp -a $W $C
readlink -f /lib/modules/$R/build > /tmp/headers
cp -a $W/$R/* /usr/src/own-tree && rm /usr/src/own-tree/dkms-rust.json
ln -sfn /usr/src/own-tree /lib/modules/$R/build
mkdir /tmp/hello && cd /tmp/hello && echo 'obj-m := hello.o' > Kbuild
cat > hello.rs <<'EOF'
//! A module of somebody else.
use kernel::prelude::*;
module! {
    type: Hello,
    name: "hello",
    authors: ["x"],
    description: "x",
    license: "GPL",
}
struct Hello(KVec<u8>);
impl kernel::Module for Hello {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let mut bytes = KVec::new();
        bytes.push(42, GFP_KERNEL)?;
        pr_info!("hello {}\n", bytes.len());
        Ok(Self(bytes))
    }
}
impl Drop for Hello {
    fn drop(&mut self) {
        pr_info!("{:?}\n", self.0);
    }
}
EOF
"#;
