// SPDX-License-Identifier: GPL-2.0-only

//! `dkms-rust new`: creates a project for the user's own module.

use crate::scaffold;
use crate::scaffold::name::Name;
use crate::scaffold::project::{Packaging, Project, maintainer};
use crate::system::print::print;
use anyhow::Result;
use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

/// Writes the project, and prints the next steps.
///
/// # Errors
///
/// Returns an error if the project can't be written there.
pub fn run(name: &Name, directory: Option<&Path>, debhelper: bool) -> Result<ExitCode> {
    let directory = directory.map_or_else(|| PathBuf::from(name.package()), Path::to_path_buf);
    let project = Project {
        name: name.clone(),
        maintainer: maintainer(|variable| env::var(variable).ok()),
        packaging: match debhelper {
            true => Packaging::Debhelper,
            false => Packaging::Plain,
        },
        now: SystemTime::now(),
    };
    scaffold::create(&project, &directory)?;
    let (shown, package, module) = (directory.display(), name.package(), name.module());
    print(format_args!(
        "{shown}: a module that makes /dev/{module}, and the package {package}-dkms. Next:"
    ))?;
    if directory != Path::new(".") {
        print(format_args!("    cd {shown}"))?;
    }
    print("    dkms-rust make        # builds it for the running kernel")?;
    let deb = match debhelper {
        true => "dpkg-buildpackage -us -uc -b",
        false => "make deb",
    };
    print(format_args!("    {deb}"))?;
    if project.is_nobody_s() {
        print(
            "Its author is not set: write your name into debian/control, debian/changelog, \
             debian/copyright\nand src/modinfo.rs, or set DEBFULLNAME and DEBEMAIL before the next \
             one.",
        )?;
    }
    Ok(ExitCode::SUCCESS)
}
