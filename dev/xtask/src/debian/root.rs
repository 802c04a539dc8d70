// SPDX-License-Identifier: GPL-2.0-only

//! A provisioned Debian root, and layers over it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::debian::kernel::Kernel;

/// A root in the cache.
#[derive(Clone)]
pub struct Root {
    /// The lowest layer, which is a complete root.
    pub path: PathBuf,
    /// All layers, the topmost first.
    pub layers: Vec<PathBuf>,
    /// The release (`uname -r`) of the kernel that it was provisioned with.
    pub release: String,
    /// The cache directory for everything that is made from it.
    pub folder: PathBuf,
    /// The kernels that the archive offers for it.
    pub offered: Vec<Kernel>,
}

impl Root {
    /// Returns a root with one more layer on top.
    pub fn with_layer(&self, layer: &Path) -> Self {
        Self {
            layers: [vec![layer.to_path_buf()], self.layers.clone()].concat(),
            ..self.clone()
        }
    }

    /// Returns the path, inside the root, of the source of the kernel that it was provisioned with.
    pub fn linux_source(&self) -> Result<String> {
        let mut offered = self.offered.iter();
        let kernel = offered
            .find(|kernel| kernel.release == self.release)
            .with_context(|| format!("the archive does not have {} any more", self.release))?;
        Ok(format!("/usr/src/linux-source-{}.tar.xz", kernel.series))
    }

    /// Returns the path of a kernel image to boot.
    pub fn kernel(&self, release: &str) -> Result<PathBuf> {
        let name = format!("boot/vmlinuz-{release}");
        self.layers
            .iter()
            .map(|layer| layer.join(&name))
            .find(|path| path.exists())
            .with_context(|| format!("{} has no {name}", self.folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_found_in_whatever_layer_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let [low, high] = ["low", "high"].map(|name| dir.path().join(name));
        for (layer, release) in [(&low, "1"), (&high, "2")] {
            std::fs::create_dir_all(layer.join("boot")).unwrap();
            std::fs::write(layer.join(format!("boot/vmlinuz-{release}")), "").unwrap();
        }
        let root = Root {
            path: low.clone(),
            layers: vec![low.clone()],
            release: "1".into(),
            folder: dir.path().to_path_buf(),
            offered: Vec::new(),
        };
        let both = root.with_layer(&high);
        assert_eq!(both.kernel("1").unwrap(), low.join("boot/vmlinuz-1"));
        assert_eq!(both.kernel("2").unwrap(), high.join("boot/vmlinuz-2"));
        assert!(root.kernel("2").is_err());
    }
}
