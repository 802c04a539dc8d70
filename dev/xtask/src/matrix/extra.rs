// SPDX-License-Identifier: GPL-2.0-only

//! Additional rows: our own kernels, and the suites' kernels with a rustc that did not build them.

use anyhow::Result;

use crate::debian::archive;
use crate::debian::kernel::Kernel;
use crate::debian::kernels::{Debian, FLAVOUR, TESTED};
use crate::debian::layers;
use crate::debian::mirror::Mirror;
use crate::debian::own_kernel::{self, PACKAGED, PLAIN};
use crate::debian::root::Root;
use crate::host::project::Project;

/// The kernel of an additional row, whose suite is the row's name, and how to make its root.
pub struct Extra {
    /// The kernel.
    pub kernel: Kernel,
    made: Made,
}

enum Made {
    /// Built from the newest linux-source, with the whole build tree.
    OwnBuild,
    /// Like [`Made::OwnBuild`], reduced to what Ubuntu's linux-lib-rust contains.
    LibRust,
    /// Without Rust, packaged by the kernel's own `make bindeb-pkg`.
    Packages,
    /// With the rustc of this suite.
    RustcOf(&'static str),
}

impl Extra {
    /// Returns all additional rows of a Debian.
    pub fn all(debian: &Debian, offered: &[Kernel]) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        if debian.suite == TESTED.suite {
            let source = archive::first(offered, debian)?;
            for (suite, variant, made) in [
                ("own-build", &PLAIN, Made::OwnBuild),
                ("linux-lib-rust", &PLAIN, Made::LibRust),
                ("bindeb-pkg", &PACKAGED, Made::Packages),
            ] {
                let kernel = Kernel {
                    suite: suite.to_owned(),
                    flavour: variant.name.to_owned(),
                    release: variant.release(&source.release),
                    ..source.clone()
                };
                all.push(Self { kernel, made });
            }
        }
        if let Some(suite) = debian.rustc {
            let kernels = offered
                .iter()
                .filter(|kernel| kernel.suite == debian.kernel && kernel.flavour == FLAVOUR);
            all.extend(kernels.map(|kernel| Self {
                kernel: Kernel {
                    suite: format!("{}, rustc of {suite}", kernel.suite),
                    ..kernel.clone()
                },
                made: Made::RustcOf(suite),
            }));
        }
        Ok(all)
    }

    /// Returns the root for it. `with_kernels` is the Debian's root with all of its kernels.
    pub fn root(&self, project: &Project, base: &Root, with_kernels: &Root) -> Result<Root> {
        match self.made {
            Made::OwnBuild => own_kernel::with(project, base, &PLAIN),
            Made::LibRust => own_kernel::with_lib_rust(project, base, &PLAIN),
            Made::Packages => own_kernel::with_packages(project, base, &PACKAGED),
            Made::RustcOf(suite) => {
                let mirror = Mirror::find()?;
                layers::with_rustc_of(project, with_kernels, &mirror, suite, "matrix-rustc")
            }
        }
    }
}
