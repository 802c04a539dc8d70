// SPDX-License-Identifier: GPL-2.0-only

//! Packs the driver for guests with `dkms-rust pack`, as a build host does, and checks the package.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::debian::chroot::Chroot;
use crate::debian::setup::Setup;
use crate::debian::{modules, signing};
use crate::host::files;
use crate::host::run::Cmd;

use super::package_checks;
use super::tally::Tally;

/// The driver that was built, signed and packed for one kernel.
pub struct Prebuilt {
    /// A copy of the package.
    pub deb: PathBuf,
    /// The module in it, decompressed.
    pub module: Vec<u8>,
    /// The certificate of the key with which it is signed.
    pub certificate: Vec<u8>,
    /// The same module, signed with another key.
    pub foreign: Vec<u8>,
}

/// Packs version `version` of the driver in a root where it is installed, and checks the package.
pub fn run(
    setup: &Setup<'_>,
    chroot: &Chroot,
    release: &str,
    version: &str,
    tally: &mut Tally,
) -> Option<Prebuilt> {
    let mut packed = None;
    tally.case("native/pack", || {
        let [own, foreign] = ["/tmp/own", "/tmp/foreign"].map(|place| {
            let keys = signing::keys(setup.project, &setup.checks)?;
            let deb = pack(setup, chroot, release, version, &keys, place)?;
            Ok::<_, anyhow::Error>((keys.certificate, deb))
        });
        let ((certificate, file), (_, foreign)) = (own?, foreign?);
        let name = Path::new(&file).file_name();
        let folder = setup.project.product("packed")?;
        files::make_empty_dir(&folder)?;
        let deb = folder.join(name.context("a package without a name")?);
        files::copy(&inside(chroot, &file), &deb)?;
        let module = module_of(&deb, release)?;
        let foreign = module_of(&inside(chroot, &foreign), release)?;
        ensure!(module != foreign, "two keys made the same signature");
        packed = Some((
            file,
            Prebuilt {
                deb,
                module,
                certificate,
                foreign,
            },
        ));
        Ok(())
    });
    let (file, prebuilt) = packed?;
    tally.case("native/pack/lintian", || {
        package_checks::lintian(setup, chroot, Path::new(&file))
    });
    tally.case("native/pack/scripts", || {
        package_checks::scripts(setup, chroot, &file)
    });
    Some(prebuilt)
}

/// Packs the driver into the directory `place`. Returns the path of the package in the root.
fn pack(
    setup: &Setup<'_>,
    chroot: &Chroot,
    release: &str,
    version: &str,
    keys: &signing::Keys,
    place: &str,
) -> Result<String> {
    keys.put(chroot, place)?;
    let line = format!(
        "cd {place} && dkms-rust pack procdriver/{version} -k {release} --key fleet.pem \
         --certificate fleet.der && ls {place}/*.deb >found"
    );
    chroot.sh(&line).log(&setup.project.log("pack")?).run()?;
    let found = files::text(&inside(chroot, &format!("{place}/found")))?;
    Ok(found.trim().to_owned())
}

/// Returns the module in a package.
fn module_of(deb: &Path, release: &str) -> Result<Vec<u8>> {
    let work = tempfile::tempdir().context("cannot make a folder")?;
    Cmd::new("dpkg-deb")
        .arg("--extract")
        .args([deb, work.path()])
        .run()?;
    let folder = format!("usr/lib/modules/{release}/updates/dkms-rust");
    let found = files::list(&work.path().join(folder))?;
    let module = found.first().context("the package has no module")?;
    modules::decompressed(module)
}

fn inside(chroot: &Chroot, path: &str) -> PathBuf {
    chroot.path().join(path.trim_start_matches('/'))
}
