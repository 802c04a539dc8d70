// SPDX-License-Identifier: GPL-2.0-only

//! Modules and compilers that fail, hang, or leave something behind.

use super::case::{BadInput, C_MODULE, case};

/// All cases.
pub const CASES: &[BadInput] = &[
    case("no-module-at-all")
        .prepare("cp -a $W $C && mkdir /tmp/m && echo 'obj-$(CONFIG_NEVER) := m.o' > /tmp/m/Kbuild")
        .command("cd /tmp/m && dkms-rust make -k $R")
        .exits(1)
        .says(&["make built no module: obj-m in .* is empty for this kernel"]),
    case("cleaning-takes-no-metadata")
        .prepare("mkdir /tmp/m && cd /tmp/m && echo 'obj-m := m.o' > Kbuild && touch m.o m.ko")
        .command("cd /tmp/m && dkms-rust make -k $R -- clean && test ! -e m.ko && echo clean")
        .says(&["clean\n"]),
    case("jobs-are-the-administrator-s")
        .prepare(
            "mkdir -p /etc/dkms/framework.conf.d && \
             echo 'parallel_jobs=1' > /etc/dkms/framework.conf.d/small.conf && \
             mv /usr/bin/make /usr/bin/make-real && \
             printf '#!/bin/sh\\necho error: called with $*\\nexit 1\\n' > /usr/bin/make && \
             chmod 755 /usr/bin/make",
        )
        .exits(1)
        .says(&["error: called with .* -j1 "]),
    case("module-that-does-not-compile")
        .prepare(
            "cp -a $W $C && mkdir /tmp/broken && cd /tmp/broken && \
             echo 'obj-m := broken.o' > Kbuild && echo 'fn broken(' > broken.rs",
        )
        .command("cd /tmp/broken && dkms-rust make -k $R")
        .exits(1)
        .says(&[
            "error: this file contains an unclosed delimiter",
            "building the module failed",
        ]),
    case("module-that-leaves-a-program-running")
        .prepare(C_MODULE)
        // The program inherits make's standard error. It must not inherit the lock.
        .command(
            "cd /tmp/m && \
             echo '$(shell sleep 61 >/dev/null & echo $$! >> /tmp/pid)' >> Kbuild && \
             timeout 40 dkms-rust make -k $R 2>&1; echo made $?; \
             kill -0 $(tail -n 1 /tmp/pid) && timeout 20 dkms-rust clean -k $R; \
             echo cleaned $?; \
             kill $(cat /tmp/pid)",
        )
        .says(&["made 0\n", "cleaned 0\n"]),
    case("module-whose-make-hangs")
        .prepare(C_MODULE)
        .command(
            "n=654; cd /tmp/m && echo \"\\$(shell sleep ${n}3)\" >> Kbuild; \
             DKMS_RUST_TIMEOUT=5 timeout 40 dkms-rust make -k $R; echo made $?; \
             echo left: $(grep -lsz [6]543 /proc/[0-9]*/cmdline)",
        )
        .says(&[
            "make was stopped: time limit of 5 s reached",
            "made 1\n",
            "left:\n",
        ]),
    case("compiler-that-hangs")
        .prepare(
            "mv /usr/lib/dkms-rust/bindgen-0-71 /root/bindgen && \
             printf '#!/bin/sh\\ncase \"$*\" in *_generated.rs*) exec sleep 6542;; esac\\n\
             exec /root/bindgen \"$@\"\\n' > /usr/lib/dkms-rust/bindgen-0-71 && \
             chmod 755 /usr/lib/dkms-rust/bindgen-0-71",
        )
        .command(
            "DKMS_RUST_TIMEOUT=40 dkms-rust kdir -k $R; echo kdir $?; \
             echo left: $(grep -lsz [6]542 /proc/[0-9]*/cmdline)",
        )
        .says(&[
            "make was stopped after 40 s [(]DKMS_RUST_TIMEOUT sets the limit[)]",
            "kdir 1\n",
            "left:\n",
        ]),
    case("compiler-that-is-killed")
        .prepare(
            "mv /usr/bin/rustc /usr/bin/rustc.real && \
             printf '#!/bin/sh\\ncase \"$*\" in *\"--crate-name core \"*) \
             cat /proc/self/oom_score_adj >&2; kill -9 $$;; esac\\n\
             exec rustc.real \"$@\"\\n' > /usr/bin/rustc && chmod 755 /usr/bin/rustc",
        )
        // This failure is not remembered: next time there may be more memory.
        .command(
            "dkms-rust kdir -k $R 2>/tmp/said; echo kdir $?; cat /tmp/said; \
             echo rebuilt $(grep -c 'rebuilding .*[.][.][.]$' /tmp/said), \
             core $(grep -cx 1000 /var/log/dkms-rust/$R.log); \
             dkms-rust check -k $R",
        )
        .says(&[
            "was killed, probably because memory ran out",
            "kdir 1\n",
            "rebuilt 1, core 1\n",
            "metadata to rebuild",
        ]),
    case("metadata-of-the-build-tree-is-used-as-it-is")
        .prepare(HELLO_ON_OWN_TREE)
        // The module must be the same as with rebuilt metadata, which other tests boot. (The build
        // ID also covers the debug information, which contains paths.)
        .command(
            "BARE='strip -g -R .note.gnu.build-id'; cd /tmp/hello && \
             dkms-rust check -k $R && dkms-rust make -k $R && \
             $BARE -o /tmp/own.ko hello.ko && \
             find . -type f ! -name hello.rs ! -name Kbuild -delete && \
             ln -sfn $(cat /tmp/headers) /lib/modules/$R/build && \
             dkms-rust check -k $R && dkms-rust make -k $R && $BARE hello.ko && \
             cmp /tmp/own.ko hello.ko && echo the same",
        )
        .says(&[
            "class metadata, shipped, .*, metadata own",
            "hello.ko: uses [1-9][0-9]* Rust symbols that the kernel exports",
            "class rust, rebuilt, .*, metadata kept",
            "the same\n",
        ]),
];

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
