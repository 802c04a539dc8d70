// SPDX-License-Identifier: GPL-2.0-only

//! What a developer does with the driver's source, using the targets of its Makefile. The cases run
//! in sequence in a copy of the source, in a Debian 13 root with dkms-rust installed and its cache
//! filled.
//!
//! Commands are run by sh, as root. `KVER` is the kernel's release.

use anyhow::{Context, Result, ensure};

use crate::host::output::Output;

/// A case, whose command must succeed.
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// The command to test.
    pub command: &'static str,
    /// A pattern that its output must match.
    pub says: &'static str,
    /// Whether the word `warning` in its output is a failure.
    pub no_warning: bool,
}

impl Case {
    /// Fails unless the output matches the pattern and contains no forbidden warning.
    pub fn judge(&self, output: &Output) -> Result<()> {
        let text = &output.text;
        output
            .must_say(self.says)
            .with_context(|| format!("`{}`", self.command))?;
        ensure!(
            !(self.no_warning && text.contains("warning")),
            "`{}` warned: {}",
            self.command,
            text.trim_end()
        );
        Ok(())
    }
}

/// All cases.
pub const CASES: &[Case] = &[
    Case {
        name: "make-help-lists-the-targets",
        command: "make help",
        says: "(?s)all .*install .*clippy .*rust-analyzer ",
        no_warning: true,
    },
    Case {
        name: "rustfmtcheck",
        command: "make rustfmtcheck",
        says: "",
        no_warning: true,
    },
    Case {
        name: "make-builds-without-a-warning",
        command: "make && test -f procDriver.ko",
        says: "uses [1-9][0-9]* Rust symbols that the kernel exports",
        no_warning: true,
    },
    Case {
        name: "modinfo-has-version-and-license",
        command: "modinfo procDriver.ko && modinfo -F version procDriver.ko | \
                  grep -qxF \"$(sed -n 's/^PACKAGE_VERSION=\"\\(.*\\)\"/\\1/p' dkms.conf)\"",
        says: "license: +GPL\n",
        no_warning: true,
    },
    Case {
        name: "make-install-puts-it-where-modprobe-looks",
        command: "make install && modinfo -k $KVER -F filename procDriver",
        says: "/lib/modules/.*/updates/procDriver.ko",
        no_warning: false,
    },
    Case {
        name: "make-clean-leaves-the-source-alone",
        command: "make clean && test \"$(find . -type f | sort)\" = \"$(cat ../files)\"",
        says: "",
        no_warning: true,
    },
    Case {
        name: "clippy-without-a-warning",
        command: "make clippy",
        says: "CLIPPY",
        no_warning: true,
    },
    Case {
        name: "make-doc-renders-without-a-warning",
        command: "make doc && test -f target/doc/procdriver/procfs/operations/trait.Operations.html && \
                  rm -r target",
        says: "",
        no_warning: true,
    },
    Case {
        name: "kdir-is-a-build-tree-for-make",
        command: "make clean && make KDIR=$(dkms-rust kdir -k $KVER) && test -f procDriver.ko",
        says: "RUSTC",
        no_warning: true,
    },
    Case {
        name: "rust-analyzer-writes-its-project",
        command: "make rust-analyzer && grep -c '\"display_name\": \"kernel\"' rust-project.json && \
                  grep '\"root_module\": .*/src/procdriver.rs\"' rust-project.json",
        says: "",
        no_warning: false,
    },
    Case {
        name: "changed-layout-of-proc-ops-fails-the-build",
        command: "make clean && header=$(echo /usr/src/linux-headers-*-common/include/linux/proc_fs.h) \
                  && sed -i 's/^\\tint\\t(\\*proc_open)/\\tlong proc_new;\\n&/' $header \
                  && grep -q proc_new $header && ! make",
        says: "static assertion failed: .*this kernel changed linux/proc_fs.h",
        no_warning: false,
    },
];
