// SPDX-License-Identifier: GPL-2.0-only

//! Linked modules: the kernel's configuration as it would be with `CONFIG_RUST` and the rustc that
//! is here, for the build tree alone. Nothing in the kernel's headers depends on it; the crates and
//! kbuild do.

use crate::build::overlay;
use crate::kernel::headers::Kernel;
use crate::kernel::kconfig::Kconfig;
use crate::kernel::options::{self, Entry};
use crate::toolchain::Rustc;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::Path;

/// The files that say which options of the crates follow from the others.
const KCONFIG: [&str; 3] = [
    "init/Kconfig",
    "drivers/base/firmware_loader/Kconfig",
    "drivers/net/phy/Kconfig",
];

/// An option and its value; none where it must not be set.
type Setting = (String, Option<String>);

/// Rewrites the overlay's configuration for `rustc`; the tree has the slice's Kconfig files.
///
/// # Errors
///
/// If the tree lacks a part, or on errors of writing.
pub fn enable(kernel: &Kernel, rustc: &Rustc, tree: &Path) -> Result<()> {
    let read = |name: &&str| fs::read_to_string(tree.join(name)).unwrap_or_default();
    let kconfig: Vec<String> = KCONFIG.iter().map(read).collect();
    ensure!(
        !kconfig[0].is_empty(),
        "the kernel's source has no {}",
        KCONFIG[0]
    );
    let dot_config = fs::read_to_string(tree.join(".config"))?;
    let options = options(rustc, &kconfig.join("\n"), &dot_config);

    let generated = tree.join("include/generated");
    fs::remove_file(&generated).ok();
    let headers = [kernel.build.as_path(), kernel.common.as_path()];
    let ours = ["autoconf.h", "rustc_cfg"];
    overlay::merge(tree, "include/generated", &headers, &ours)?;
    for name in ours {
        fs::copy(
            kernel.build.join("include/generated").join(name),
            generated.join(name),
        )
        .with_context(|| format!("the headers have no include/generated/{name}"))?;
    }
    for (file, line) in [
        (
            "include/config/auto.conf",
            make_line as fn(&str, &str) -> String,
        ),
        ("include/generated/autoconf.h", c_line),
        ("include/generated/rustc_cfg", rust_line),
    ] {
        let path = tree.join(file);
        let old = fs::read_to_string(&path)?;
        fs::write(&path, with(&old, &options, line))?;
    }
    Ok(())
}

/// The options and their values, as `auto.conf` has them.
fn options(rustc: &Rustc, kconfig: &str, dot_config: &str) -> Vec<Setting> {
    let version = rustc.number().unwrap_or(0);
    let basic = [
        ("RUST", "y".to_owned()),
        ("RUST_IS_AVAILABLE", "y".to_owned()),
        ("RUST_OVERFLOW_CHECKS", "y".to_owned()),
        ("RUSTC_VERSION", version.to_string()),
        ("RUSTC_VERSION_TEXT", format!("\"{}\"", rustc.version)),
    ];
    // The last one counts.
    let lines = basic
        .iter()
        .map(|(name, value)| format!("CONFIG_{name}={value}\n"));
    let config = Kconfig::parse(&(dot_config.to_owned() + &lines.collect::<String>()));
    let mut options: Vec<Setting> = basic
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Some(value)))
        .collect();
    for entry in options::entries(kconfig) {
        let follows = entry
            .default
            .as_ref()
            .filter(|condition| condition.contains("RUSTC_"));
        if let Some(condition) = follows {
            let value = options::holds(condition, &config).then(|| "y".to_owned());
            options.push((entry.name, value));
        } else if is_abstraction(&entry) && entry.is_possible(&config) {
            options.push((entry.name, Some("y".to_owned())));
        }
    }
    options
}

/// Whether it adds a part of the C interface to the `kernel` crate, for which the kernel itself
/// needs no more than it has.
fn is_abstraction(entry: &Entry) -> bool {
    entry.prompt && entry.name.starts_with("RUST_") && entry.name.ends_with("_ABSTRACTIONS")
}

fn make_line(name: &str, value: &str) -> String {
    format!("CONFIG_{name}={value}\n")
}

fn c_line(name: &str, value: &str) -> String {
    let value = if value == "y" { "1" } else { value };
    format!("#define CONFIG_{name} {value}\n")
}

fn rust_line(name: &str, value: &str) -> String {
    match value {
        "y" => format!("--cfg=CONFIG_{name}\n--cfg=CONFIG_{name}=\"y\"\n"),
        text if text.starts_with('"') => format!("--cfg=CONFIG_{name}={text}\n"),
        number => format!("--cfg=CONFIG_{name}=\"{number}\"\n"),
    }
}

/// The text of a file of the configuration with the options set to their values.
fn with(old: &str, options: &[Setting], line: fn(&str, &str) -> String) -> String {
    let sets = |text: &str| {
        options.iter().any(|(name, _)| {
            let mut words = text.split([' ', '=']);
            words.any(|word| word.strip_prefix("CONFIG_") == Some(name))
        })
    };
    let kept = old
        .lines()
        .filter(|text| !sets(text))
        .map(|text| format!("{text}\n"));
    let set = options
        .iter()
        .filter_map(|(name, value)| Some(line(name, value.as_deref()?)));
    kept.chain(set).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rustc() -> Rustc {
        Rustc {
            path: "/usr/bin/rustc".into(),
            version: "rustc 1.85.1 (4eb161250 2025-03-15)".into(),
        }
    }

    #[test]
    fn options_that_follow_from_rustc_are_read_from_kconfig() {
        let kconfig = "config RUSTC_HAS_A\n\tdef_bool RUSTC_VERSION >= 108400\n\n\
                       config RUSTC_HAS_B\n\tdef_bool RUSTC_VERSION >= 108800\n";
        let options = options(
            &rustc(),
            kconfig,
            "CONFIG_RUSTC_VERSION=0\nCONFIG_RUSTC_HAS_B=y\n",
        );
        let of = |name: &str| {
            options
                .iter()
                .find(|(option, _)| option == name)
                .unwrap()
                .1
                .clone()
        };
        assert_eq!(of("RUSTC_HAS_A").as_deref(), Some("y"));
        assert_eq!(
            of("RUSTC_HAS_B"),
            None,
            "an older rustc than the kernel's has it not"
        );
        assert_eq!(of("RUSTC_VERSION").as_deref(), Some("108501"));
    }

    #[test]
    fn abstractions_follow_from_what_the_kernel_has() {
        let kconfig = "config RUST_FW_LOADER_ABSTRACTIONS\n\tbool \"x\"\n\tdepends on RUST\n\
                       \tdepends on FW_LOADER=y\n\nconfig RUST_PHYLIB_ABSTRACTIONS\n\
                       \tbool \"x\"\n\tdepends on RUST\n\tdepends on PHYLIB=y\n";
        let options = options(&rustc(), kconfig, "CONFIG_FW_LOADER=y\nCONFIG_PHYLIB=m\n");
        let has = |name: &str| options.iter().any(|(option, _)| option == name);
        assert!(has("RUST_FW_LOADER_ABSTRACTIONS") && !has("RUST_PHYLIB_ABSTRACTIONS"));
    }

    #[test]
    fn an_option_that_is_set_is_set_anew_and_others_stay() {
        let options = [
            ("RUST".into(), Some("y".into())),
            ("RUSTC_VERSION".into(), Some("7".into())),
            ("GONE".into(), None),
        ];
        let old = "CONFIG_A=y\nCONFIG_GONE=y\nCONFIG_RUSTC_VERSION=0\n";
        let new = "CONFIG_A=y\nCONFIG_RUST=y\nCONFIG_RUSTC_VERSION=7\n";
        assert_eq!(with(old, &options, make_line), new);
        let old = "#define CONFIG_RUSTC_VERSION 0\n#define CONFIG_TRUST 1\n";
        let new = "#define CONFIG_TRUST 1\n#define CONFIG_RUST 1\n#define CONFIG_RUSTC_VERSION 7\n";
        assert_eq!(with(old, &options, c_line), new);
        let old = "--cfg=CONFIG_RUSTC_VERSION=\"0\"\n";
        let new = "--cfg=CONFIG_RUST\n--cfg=CONFIG_RUST=\"y\"\n--cfg=CONFIG_RUSTC_VERSION=\"7\"\n";
        assert_eq!(with(old, &options, rust_line), new);
    }
}
