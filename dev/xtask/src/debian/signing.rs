// SPDX-License-Identifier: GPL-2.0-only

//! Makes the keys that modules are signed with in the tests.

use anyhow::Result;

use crate::debian::chroot::Chroot;
use crate::debian::root::Root;
use crate::host::files;
use crate::host::project::Project;

/// Makes a key and its certificate, as those who build for a fleet do.
const MAKE: &str = "cd /srv && openssl req -new -x509 -newkey rsa:2048 -noenc -days 36500 \
     -subj '/CN=key of a fleet/' -outform DER -out fleet.der -keyout fleet.pem";

/// A key, and the certificate that kernels have to know.
#[derive(Clone)]
pub struct Keys {
    /// The private key, as PEM.
    pub key: Vec<u8>,
    /// The certificate, as DER.
    pub certificate: Vec<u8>,
}

/// Makes a key pair. `root` is one with openssl.
pub fn keys(project: &Project, root: &Root) -> Result<Keys> {
    let chroot = Chroot::new(project, root)?;
    chroot.sh(MAKE).log(&project.log("signing")?).run()?;
    let place = chroot.path().join("srv");
    Ok(Keys {
        key: files::bytes(&place.join("fleet.pem"))?,
        certificate: files::bytes(&place.join("fleet.der"))?,
    })
}

impl Keys {
    /// Writes both to `fleet.pem` and `fleet.der` in a directory of a root.
    pub fn put(&self, chroot: &Chroot, folder: &str) -> Result<()> {
        let place = chroot.path().join(folder.trim_start_matches('/'));
        files::make_dir(&place)?;
        files::write(&place.join("fleet.pem"), &self.key)?;
        files::write(&place.join("fleet.der"), &self.certificate)
    }
}
