// SPDX-License-Identifier: GPL-2.0-only

//! Writes the resource by which Kernel Module Management (KMM) loads modules from an image.

use super::Unpacked;
use crate::status::prebuilt::Prebuilt;
use anyhow::{Result, ensure};
use std::fmt::Write;

/// In the name of an image, this stands for the kernel's release.
const KERNEL: &str = "{kernel}";

/// What the resource says besides the modules.
pub struct Resource<'a> {
    /// The image; `{kernel}` in it stands for a release, with `-` for `+`.
    pub image: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The secrets with the key and the certificate, if KMM signs the modules.
    pub secrets: Option<(&'a str, &'a str)>,
}

impl Resource<'_> {
    /// Returns the resource as YAML, for modules of an architecture.
    ///
    /// # Errors
    ///
    /// If a name can't be one in Kubernetes, or the package loads no module.
    pub fn text(&self, debs: &Unpacked, architecture: &str) -> Result<String> {
        self.of(debs.name(), &debs.all, architecture)
    }

    fn of(&self, name: &str, all: &[Prebuilt], architecture: &str) -> Result<String> {
        let name = name.to_ascii_lowercase().replace(['_', '+'], "-");
        let secrets = self.secrets.map(|(key, certificate)| [key, certificate]);
        let names = [&*name, self.namespace]
            .into_iter()
            .chain(secrets.into_iter().flatten());
        for name in names {
            ensure!(is_name(name), "{name:?} can't be a name in Kubernetes");
        }
        ensure!(
            is_image(self.image),
            "{:?} is not the name of an image",
            self.image
        );
        let load = all.iter().find_map(|prebuilt| prebuilt.load.first());
        ensure!(
            load.is_some(),
            "the packages load no module: pack them with --load"
        );
        let module = load.map_or("", String::as_str);
        let mut text = format!(
            "apiVersion: kmm.sigs.x-k8s.io/v1beta1\n\
             kind: Module\n\
             metadata:\n  \
               name: {name}\n  \
               namespace: {}\n\
             spec:\n  \
               selector:\n    \
                 kubernetes.io/arch: {architecture}\n  \
               moduleLoader:\n    \
                 container:\n      \
                   modprobe:\n        \
                     moduleName: {module:?}\n      \
                   kernelMappings:\n",
            self.namespace
        );
        for prebuilt in all {
            let kernel = &prebuilt.kernel;
            let image = self.image.replace(KERNEL, &kernel.replace('+', "-"));
            let _ = match secrets {
                None => write!(
                    text,
                    "        - literal: {kernel:?}\n          containerImage: {image:?}\n"
                ),
                Some([key, certificate]) => write!(
                    text,
                    "        - literal: {kernel:?}\n          containerImage: \"{image}-signed\"\n          \
                     sign:\n            unsignedImage: {image:?}\n            \
                     keySecret:\n              name: {key}\n            \
                     certSecret:\n              name: {certificate}\n            \
                     filesToSign:\n"
                ),
            };
            if secrets.is_some() {
                for module in prebuilt.modules() {
                    let _ = writeln!(
                        text,
                        "              - \"/opt/lib/modules/{kernel}/{module}.ko\""
                    );
                }
            }
        }
        Ok(text)
    }
}

/// Whether a text is a name in Kubernetes.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() < 64 && text.starts_with(end) && text.ends_with(end) && text.chars().all(allowed)
}

/// Whether a text can be the name of an image.
fn is_image(text: &str) -> bool {
    let plain = text.replace(KERNEL, "k");
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._/:@".contains(c);
    !plain.is_empty() && plain.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::super::tests::prebuilt;
    use super::*;

    const RESOURCE: Resource<'_> = Resource {
        image: "registry.example.org/my-drv:{kernel}",
        namespace: "drivers",
        secrets: None,
    };

    #[test]
    fn each_kernel_has_its_image() {
        let all = [prebuilt("6.12.1+deb13-amd64"), prebuilt("7.3.4-amd64")];
        let text = RESOURCE.of("my_Drv", &all, "amd64").unwrap();
        assert!(
            text.contains("  name: my-drv\n  namespace: drivers\n"),
            "{text}"
        );
        assert!(text.contains("        moduleName: \"my_drv\"\n"), "{text}");
        let mapping = "        - literal: \"6.12.1+deb13-amd64\"\n          containerImage: \
                       \"registry.example.org/my-drv:6.12.1-deb13-amd64\"\n";
        assert!(text.contains(mapping), "{text}");
        assert_eq!(text.matches("literal").count(), 2);
    }

    #[test]
    fn what_kmm_signs_is_listed() {
        let resource = Resource {
            secrets: Some(("key", "cert")),
            ..RESOURCE
        };
        let text = resource
            .of("p", &[prebuilt("7.3.4-amd64")], "amd64")
            .unwrap();
        assert!(text.contains(":7.3.4-amd64-signed\"\n"), "{text}");
        assert!(
            text.contains("- \"/opt/lib/modules/7.3.4-amd64/my_drv.ko\"\n"),
            "{text}"
        );
    }

    #[test]
    fn nothing_gets_into_the_text_that_means_something_in_yaml() {
        for (image, namespace) in [
            ("a b", "n"),
            ("a\"", "n"),
            ("", "n"),
            ("a", "n: x"),
            ("a", ""),
        ] {
            let resource = Resource {
                image,
                namespace,
                secrets: None,
            };
            let text = resource.of("p", &[prebuilt("7-amd64")], "amd64");
            assert!(text.is_err(), "{image:?} {namespace:?}");
        }
    }
}
