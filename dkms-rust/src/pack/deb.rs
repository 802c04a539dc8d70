// SPDX-License-Identifier: GPL-2.0-only

//! Writes the Debian package of the modules for one kernel. The same modules give the same bytes.

use super::stage::{EPOCH, Stage};
use crate::kernel::release::Release;
use crate::package::source::DkmsSource;
use crate::status::prebuilt::{Prebuilt, debian_name, package_name};
use crate::system::System;
use crate::system::below::below;
use crate::system::run::answer;
use crate::system::search::program;
use anyhow::{Context, Result, ensure};
use rustix::fs::FileType;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The maintainer scripts, in which names are yet to be filled in.
const SCRIPTS: [(&str, &str); 3] = [
    ("postinst", include_str!("../../prebuilt/postinst")),
    ("prerm", include_str!("../../prebuilt/prerm")),
    ("postrm", include_str!("../../prebuilt/postrm")),
];

/// The contents of a package.
pub struct Deb<'a> {
    /// The system.
    pub system: &'a System,
    /// The source of the modules.
    pub source: &'a DkmsSource,
    /// The kernel.
    pub release: &'a Release,
    /// The modules' files.
    pub modules: &'a [PathBuf],
    /// How many packages of the same version were made before.
    pub rebuild: u32,
    /// The certificate of the key with which they are signed.
    pub certificate: Option<&'a Path>,
    /// The modules to load after the installation.
    pub load: &'a [String],
    /// While a file below one of these directories is open, a loaded module is not replaced.
    pub in_use: &'a [PathBuf],
}

impl Deb<'_> {
    /// Writes the package into the directory `output`, and returns its path.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn write(&self, stage: &Stage, output: &Path) -> Result<PathBuf> {
        let package = package_name(&self.source.name, self.release.as_str());
        let prebuilt = self.fill(stage, &package)?;
        let architecture = ask(Command::new("dpkg").arg("--print-architecture"))?;
        for (name, script) in SCRIPTS {
            let text = script.replace("@NAME@", &prebuilt.name);
            let text = text.replace("@KERNEL@", &prebuilt.kernel);
            stage.put(format!("/DEBIAN/{name}"), text.as_bytes(), 0o755)?;
        }
        let control = self.control(&prebuilt, &architecture, stage.size()?)?;
        let name = format!("{package}_{}_{architecture}.deb", self.version());
        stage.build(&control, self.time()?, &output.join(name))
    }

    /// Returns the version of the package.
    fn version(&self) -> String {
        let version = &self.source.version;
        match self.rebuild {
            0 => version.clone(),
            number => format!("{version}+b{number}"),
        }
    }

    /// Puts all files into the stage, and returns their description.
    fn fill(&self, stage: &Stage, package: &str) -> Result<Prebuilt> {
        let DkmsSource { name, version, .. } = self.source;
        let kernel = self.release.as_str();
        let folder = PathBuf::from(format!("/usr/lib/modules/{kernel}/updates/dkms-rust"));
        let mut prebuilt = Prebuilt {
            name: name.clone(),
            version: version.clone(),
            kernel: kernel.to_owned(),
            package: package.to_owned(),
            files: Vec::new(),
            certificate: None,
            load: self.load.to_vec(),
            in_use: self.in_use.to_vec(),
        };
        for module in self.modules {
            let file = folder.join(module.file_name().context("a module without a name")?);
            let bytes =
                fs::read(module).with_context(|| format!("can't read {}", module.display()))?;
            stage.put(&file, &bytes, 0o644)?;
            prebuilt.files.push(file);
        }
        let description = prebuilt.description();
        if let Some(certificate) = self.certificate {
            let file = description.with_extension("der");
            stage.put(&file, &der(certificate)?, 0o644)?;
            prebuilt.certificate = Some(file);
        }
        let text = serde_json::to_vec_pretty(&prebuilt)?;
        stage.put(&description, &text, 0o644)?;
        // What dkms has installed is newer, or somebody wanted it.
        let first: String = prebuilt
            .modules()
            .iter()
            .map(|module| format!("override {module} {kernel} updates/dkms\n"))
            .collect();
        let conf = format!("/usr/lib/depmod.d/{package}.conf");
        stage.put(&conf, first.as_bytes(), 0o644)?;
        if !self.load.is_empty() {
            let conf = format!("/usr/lib/modules-load.d/{package}.conf");
            let text = format!("{}\n", self.load.join("\n"));
            stage.put(&conf, text.as_bytes(), 0o644)?;
        }
        self.documents(stage, package)?;
        Ok(prebuilt)
    }

    /// Copies the licence and the changelog of the Debian package that has the source.
    fn documents(&self, stage: &Stage, to: &str) -> Result<()> {
        let Some(package) = &self.source.package else {
            return Ok(());
        };
        let from = self.system.at("usr/share/doc").join(package);
        for name in ["copyright", "changelog.gz", "changelog.Debian.gz"] {
            if let Ok(text) = fs::read(from.join(name)) {
                stage.put(format!("/usr/share/doc/{to}/{name}"), &text, 0o644)?;
            }
        }
        Ok(())
    }

    fn control(&self, prebuilt: &Prebuilt, architecture: &str, size: u64) -> Result<String> {
        let Prebuilt {
            name,
            version,
            kernel,
            package,
            ..
        } = prebuilt;
        let maintainer = self.maintainer()?;
        let own = self.version();
        let modules = prebuilt.modules().join(", ");
        let image = debian_name(&format!("linux-image-{kernel}"));
        Ok(format!(
            "Package: {package}\n\
             Version: {own}\n\
             Architecture: {architecture}\n\
             Maintainer: {maintainer}\n\
             Installed-Size: {size}\n\
             Depends: dkms-rust-common, {image} | {image}-unsigned\n\
             Provides: {name}-modules (= {version})\n\
             Section: kernel\n\
             Priority: optional\n\
             Description: kernel modules of {name} for Linux {kernel}\n \
             The modules are built: {modules}. They need no compiler and no headers.\n \
             .\n \
             If {name}-dkms is installed too, it builds modules only for kernels that\n \
             have no such package.\n"
        ))
    }

    /// Returns the maintainer of the Debian package that has the source.
    fn maintainer(&self) -> Result<String> {
        match &self.source.package {
            Some(package) => {
                let mut query = Command::new("dpkg-query");
                query.arg(format!("--admindir={}", self.system.dpkg().display()));
                ask(query.args(["-W", "-f", "${Maintainer}", package]))
            }
            None => Ok("nobody <nobody@localhost>".to_owned()),
        }
    }

    /// Returns the time of all files: the given one, or that of the newest file of the source, which
    /// is the same wherever its package is installed.
    fn time(&self) -> Result<u64> {
        if let Ok(given) = env::var(EPOCH) {
            return given
                .parse()
                .with_context(|| format!("{EPOCH} is {given:?}, not seconds since 1970"));
        }
        newest(&self.source.folder)
    }
}

/// Returns a program's output, without the end of its line.
fn ask(command: &mut Command) -> Result<String> {
    let said = answer(command).with_context(|| format!("{command:?} failed"))?;
    Ok(said.trim_end().to_owned())
}

/// Returns a certificate as DER, which is what mokutil and the firmware take.
fn der(certificate: &Path) -> Result<Vec<u8>> {
    let bytes =
        fs::read(certificate).with_context(|| format!("can't read {}", certificate.display()))?;
    if !bytes.starts_with(b"-----") {
        return Ok(bytes);
    }
    let mut convert = Command::new(program("openssl"));
    convert
        .args(["x509", "-outform", "DER", "-in"])
        .arg(certificate);
    let output = convert.output().context("can't run openssl")?;
    ensure!(
        output.status.success(),
        "{} is not a certificate: {}",
        certificate.display(),
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    Ok(output.stdout)
}

/// Returns the time of the newest file in a directory, in seconds since 1970.
fn newest(folder: &Path) -> Result<u64> {
    let mut newest = 0;
    below(folder, &mut |_, stat| {
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            newest = newest.max(u64::try_from(stat.st_mtime).unwrap_or(0));
        }
        Ok(true)
    })?;
    Ok(newest)
}
