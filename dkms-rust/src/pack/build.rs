// SPDX-License-Identifier: GPL-2.0-only

//! Builds modules with dkms, as it would on the machine that gets them: by the package's dkms.conf,
//! stripped, signed and compressed.

use super::private::{self, RECORDS};
use crate::kernel::headers::Kernel;
use crate::kernel::release::Release;
use crate::package::dkms::run;
use crate::package::source::DkmsSource;
use crate::status::module_file::ModuleFile;
use crate::system::bounded;
use crate::system::said::first_error;
use crate::system::{System, names_in};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// The program that dkms should sign with so that it does not sign.
const UNSIGNED: &str = "sign_file=\"/none\"\n";

/// The beginning of a key that is not in a file. `sign-file` hands it to OpenSSL.
const PKCS11: &str = "pkcs11:";

/// Whether a key is in a token, and not in a file.
pub fn is_in_token(key: &str) -> bool {
    key.starts_with(PKCS11)
}

/// What dkms says before it shows sign-file's errors.
const NOT_SIGNED: &str = "Warning: Failed to sign";

/// What modules are signed with.
#[derive(Debug)]
pub struct SigningKey {
    key: String,
    /// The path of the certificate.
    pub certificate: PathBuf,
}

impl SigningKey {
    /// Checks a key and its certificate.
    ///
    /// # Errors
    ///
    /// If one of them is not there, or can't be written into dkms's settings.
    pub fn of(key: &str, certificate: &Path) -> Result<Self> {
        let path = |path: &Path| {
            let full = fs::canonicalize(path);
            full.with_context(|| format!("can't read {}", path.display()))
        };
        let key = match is_in_token(key) {
            true => key.to_owned(),
            false => path(Path::new(key))?.display().to_string(),
        };
        let certificate = path(certificate)?;
        // dkms reads its settings as shell does.
        for word in [&*key, &certificate.to_string_lossy()] {
            ensure!(
                !word.contains(['"', '$', '`', '\\', '\n']),
                "dkms can't use a path with one of \" $ ` \\ in it: {word}"
            );
        }
        Ok(Self { key, certificate })
    }

    fn framework(&self) -> String {
        let certificate = self.certificate.display();
        format!(
            "mok_signing_key=\"{}\"\nmok_certificate=\"{certificate}\"\n",
            self.key
        )
    }
}

/// Builds the modules in the directory `work`, and returns their files.
///
/// # Errors
///
/// If the build fails, or a module is not signed although it should be.
pub fn modules(
    system: &System,
    source: &DkmsSource,
    release: &Release,
    signing: Option<&SigningKey>,
    work: &Path,
) -> Result<Vec<PathBuf>> {
    let framework = signing.map_or_else(|| UNSIGNED.to_owned(), SigningKey::framework);
    private::enter(work, &framework)?;
    let DkmsSource { name, version, .. } = source;
    let (kernel, sources) = (release.as_str(), system.sources());
    let sources = sources.to_string_lossy();
    let args = [
        "build",
        "-m",
        name,
        "-v",
        version,
        "-k",
        kernel,
        "--sourcetree",
        &sources,
    ];
    let built = run(system, "dkms", &args);
    let record = Path::new(RECORDS).join(name).join(version);
    if !built.well() {
        let log = bounded::log(&record.join("build/make.log"));
        bail!(
            "{release}: dkms build {}:\n{}\n{}",
            built.how(),
            first_error(&log).join("\n"),
            built.last(3)
        );
    }
    let folder = record.join(kernel);
    let folders = names_in(&folder)
        .into_iter()
        .map(|arch| folder.join(arch).join("module"));
    let files = folders.flat_map(|folder| {
        let names = names_in(&folder)
            .into_iter()
            .filter(|name| name.contains(".ko"));
        names.map(|name| folder.join(name)).collect::<Vec<_>>()
    });
    let files: Vec<PathBuf> = files.collect();
    ensure!(!files.is_empty(), "{release}: dkms built no module");
    let signs = Kernel::find(system, release)?.config.is_on("MODULE_SIG");
    for file in &files {
        let module = ModuleFile::read(file)?;
        if signing.is_some() && signs && module.signature.is_none() {
            bail!("{release}: {}", unsigned(file, &built.said, signing));
        }
    }
    Ok(files)
}

/// Says that a module is not signed, and what dkms said about it.
fn unsigned(file: &Path, said: &str, signing: Option<&SigningKey>) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let from = said.find(NOT_SIGNED).unwrap_or_default();
    let mut text = format!(
        "{name} is not signed; dkms said:\n{}",
        said[from..].trim_end()
    );
    if signing.is_some_and(|signing| is_in_token(&signing.key)) {
        text += "\nOpenSSL may have found no key, because the URI names none, or the PIN is wrong or \
                 missing. How to set up a token is described in /usr/share/doc/dkms-rust-common/fleet.md";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dkms_said_before_it_signed_is_left_out() {
        let file = Path::new("/x/a.ko.xz");
        let said = "Building\nWarning: Failed to sign module 'a.ko'!\nsign-file: b\n";
        let text = unsigned(file, said, None);
        assert!(text.starts_with("a.ko.xz is not signed"), "{text}");
        assert!(
            !text.contains("Building") && text.ends_with("sign-file: b"),
            "{text}"
        );
        assert!(unsigned(file, "no program\n", None).ends_with("no program"));
        let [key, certificate] = ["pkcs11:object=a".to_owned(), String::new()];
        let signing = SigningKey {
            key,
            certificate: certificate.into(),
        };
        assert!(unsigned(file, said, Some(&signing)).contains("PIN"));
    }

    #[test]
    fn a_key_is_a_file_or_in_a_token() {
        let dir = tempfile::tempdir().unwrap();
        let [key, certificate] = ["key.pem", "cert.der"].map(|name| dir.path().join(name));
        let of = |key: &str| SigningKey::of(key, &certificate).map(|signing| signing.framework());
        let text = key.display().to_string();
        assert!(of(&text).unwrap_err().to_string().contains("key.pem"));
        fs::write(&key, "").unwrap();
        assert!(of(&text).unwrap_err().to_string().contains("cert.der"));
        fs::write(&certificate, "").unwrap();
        assert!(of(&text).unwrap().starts_with("mok_signing_key=\"/"));
        let token = "pkcs11:token=fleet;object=modules?pin-source=/run/pin";
        assert!(of(token).unwrap().contains(token));
        assert!(of("pkcs11:\"; rm -r /\"").is_err());
    }
}
